#!/bin/bash
# Sets up what the packages' own scripts would have, runs /opt/command in the checkout, says its exit code and switches off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd /run/lock /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777,size=2g tmpfs /tmp
mount -t cgroup2 none /sys/fs/cgroup
mount -t securityfs none /sys/kernel/security
ln -s /proc/self/fd /dev/fd
ip link set lo up
hostname aarch64
echo '127.0.0.1 localhost aarch64' >/etc/hosts
cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
pwconv
grpconv
ldconfig
ln -sf mawk /usr/bin/awk
useradd --system --user-group --no-create-home --shell /usr/sbin/nologin aios
useradd --system --home-dir /run/sshd --shell /usr/sbin/nologin sshd
cat /usr/share/ca-certificates/mozilla/*.crt >/etc/ssl/certs/ca-certificates.crt
cd /opt/aios || exit 1
export PATH=$PWD/node_modules/.bin:$PATH
uname -a
# Through a pipe, or programs would draw on the console as on a terminal.
bash /opt/command </dev/null 2>&1 | cat
echo "aarch64: exit code ${PIPESTATUS[0]}"
sync
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
