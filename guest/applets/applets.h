#pragma once

namespace guest {

/// The entry points of the applets: argv[0] is the applet's name, the result an exit status.
int init_main(int argc, char** argv);
int service_main(int argc, char** argv);
int sysctl_main(int argc, char** argv);
int modprobe_main(int argc, char** argv);
int poweroff_main(int argc, char** argv);
int rungetty_main(int argc, char** argv);
int metadata_main(int argc, char** argv);
int format_main(int argc, char** argv);
int mountie_main(int argc, char** argv);
int swap_main(int argc, char** argv);
int loopy_main(int argc, char** argv);
int crypto_main(int argc, char** argv);
int sysfs_main(int argc, char** argv);
int kmsg_main(int argc, char** argv);

}  // namespace guest
