# The containers of the lab's image: two onboot and five small services, as the boot benchmark wants them.
container onboot 000-hello true no /bin/sh -c 'echo hello from onboot'
container onboot 001-prepare false no /bin/sh -c 'echo prepared > /tmp/x; cat /tmp/x'
for n in 1 2 3 4 5; do
  container services "small$n" false no /bin/sh -c "trap 'exit 0' TERM; echo small$n is up; while :; do sleep 1000 & wait; done"
done
