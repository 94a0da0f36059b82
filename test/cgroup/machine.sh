#!/bin/sh
# Makes a delegated control group for the user $1 and runs a program in it as that user: `machine.sh USER PROGRAM WORDS…`.
# As the first process of a user-mode Linux it makes that machine's file systems first, and switches it off afterwards.
set -eu
user=$1
shift
if [ $$ = 1 ]; then
  mount -t proc proc /proc
  mount -t sysfs sys /sys
  # The checkout may lie below a folder that is covered here.
  code=$(CDPATH='' cd "$(dirname "$0")/../.." && pwd -P)
  mount -t tmpfs tmpfs /mnt
  mkdir /mnt/code
  mount --bind "$code" /mnt/code
  mount -t tmpfs tmpfs /tmp
  if [ ! -d "$code" ]; then mkdir -p "$code" && mount --bind /mnt/code "$code"; fi
  mount -t tmpfs tmpfs /dev
  for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    set -- "$@" && mknod -m 666 "/dev/${node%% *}" c ${node#* }
  done
  mkdir /dev/shm /dev/pts && mount -t devpts devpts /dev/pts
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
root=$(sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \([^ ]*\) .* - cgroup2 .*/\1/p' /proc/self/mountinfo | head -n 1)
echo "+memory +pids" > "$root/cgroup.subtree_control"
group=$root/aios-test-$$
mkdir "$group"
chown "$user" "$group" "$group/cgroup.procs" "$group/cgroup.subtree_control" "$group/cgroup.threads"
end() {
  rmdir "$group"/*/ "$group" 2> /dev/null || true
  if [ $$ = 1 ]; then echo o > /proc/sysrq-trigger && sleep 10; fi
}
trap end EXIT
sh -c 'echo $$ > "$1/cgroup.procs"; user=$2; shift 2; exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"' sh "$group" "$user" "$@"
