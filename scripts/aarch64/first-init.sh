#!/bin/busybox sh
# The first program of the emulated machine: finds the disk and goes over to it.
b=/bin/busybox
$b mount -t proc none /proc
$b mount -t sysfs none /sys
$b mount -t devtmpfs none /dev
for module in $($b ls /modules | $b sort -n); do $b insmod "/modules/$module"; done
until [ -e /dev/vda ]; do $b usleep 100000; done
$b mount -t ext4 /dev/vda /new || exit 1
for folder in dev proc sys; do $b mount --move /$folder /new/$folder; done
exec $b switch_root /new /usr/sbin/machine-init
