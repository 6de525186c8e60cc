#include "machine/arguments.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::machine {
namespace {

Machine plain(std::string_view architecture) {
  Machine machine;
  machine.model = &model_of(architecture);
  machine.uuid = "U";
  machine.mac = "02:00:00:00:00:01";
  machine.kernel = "/os-kernel";
  machine.initrd = "/os-initrd.img";
  machine.cmdline = "quiet";
  machine.console_log = "/s/console.log";
  machine.pidfile = "/s/qemu.pid";
  machine.qmp_fd = 7;
  return machine;
}

std::string joined(const Machine& machine) {
  std::string text;
  for (const std::string& argument : qemu_arguments(machine)) text += (text.empty() ? "" : " ") + argument;
  return text;
}

TEST(QemuArguments, Arm64Emulated) {
  EXPECT_EQ(joined(plain("arm64")),
            "-no-user-config -nodefaults -machine virt -accel tcg -cpu cortex-a72 -smp 1 -m 1024M -uuid U "
            "-pidfile /s/qemu.pid -kernel /os-kernel -initrd /os-initrd.img -append quiet "
            "-chardev stdio,id=console,signal=off,logfile=/s/console.log -serial chardev:console "
            "-chardev socket,id=qmp,fd=7 -mon chardev=qmp,mode=control "
            "-netdev user,id=net0 -device virtio-net-pci,netdev=net0,romfile=,mac=02:00:00:00:00:01 "
            "-device virtio-rng-pci -device virtio-keyboard-pci -display none");
}

TEST(QemuArguments, Amd64Emulated) {
  EXPECT_EQ(joined(plain("x86_64")),
            "-no-user-config -nodefaults -machine q35,sata=off -accel tcg -cpu qemu64,-cx16 -smp 1 -m 1024M -uuid U "
            "-pidfile /s/qemu.pid -kernel /os-kernel -initrd /os-initrd.img -append quiet "
            "-chardev stdio,id=console,signal=off,logfile=/s/console.log -serial chardev:console "
            "-chardev socket,id=qmp,fd=7 -mon chardev=qmp,mode=control "
            "-netdev user,id=net0 -device virtio-net-pci,netdev=net0,romfile=,mac=02:00:00:00:00:01 "
            "-device virtio-rng-pci -display none");
}

struct Row {
  const char* name;
  void (*change)(Machine&);
  const char* contains;
  const char* lacks;
};
constexpr Row kRows[] = {
    {"Kvm", [](Machine& m) { m.accelerator = "kvm"; }, "-machine virt,gic-version=max -accel kvm -cpu host", "cortex"},
    {"TcgOptions", [](Machine& m) { m.accelerator = "tcg,thread=single"; }, "-accel tcg,thread=single -cpu cortex-a72",
     "host"},
    {"Size", [](Machine& m) { m.cpus = 4, m.mebibytes = 512; }, "-smp 4 -m 512M", "1024"},
    {"Terminal", [](Machine& m) { m.console = Machine::Console::terminal; }, "stdio,id=console,mux=on,signal=off,",
     "null"},
    {"Detached",
     [](Machine& m) {
       m.console = Machine::Console::detached;
       m.qmp_fd = -1;
       m.qmp_path = "/s/qmp.sock";
     },
     "-chardev null,id=console,logfile=/s/console.log -serial chardev:console -daemonize "
     "-chardev socket,id=qmp,server=on,wait=off,path=/s/qmp.sock -mon chardev=qmp,mode=control",
     "stdio"},
    {"Firmware", [](Machine& m) { m.firmware = "/fw.fd"; }, "-bios /fw.fd -boot menu=on,splash-time=0 -kernel",
     "flash"},
    {"Ports",
     [](Machine& m) {
       m.network.ports = {{"127.0.0.1", 8080, 80, false}, {"0.0.0.0", 53, 53, true}};
     },
     "-netdev user,id=net0,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=udp:0.0.0.0:53-:53 ", "tap"},
    {"NoNetwork", [](Machine& m) { m.network.kind = Network::Kind::none; }, "-device virtio-rng-pci", "net"},
    {"Tap",
     [](Machine& m) {
       m.network = {Network::Kind::tap, "t,0", {}};
     },
     "-netdev tap,id=net0,script=no,downscript=no,ifname=t,,0 -device virtio-net-pci", "user,"},
    {"Bridge",
     [](Machine& m) {
       m.network = {Network::Kind::bridge, "br0", {}};
     },
     "-netdev bridge,id=net0,br=br0 ", "user,"},
    {"Disks",
     [](Machine& m) {
       m.disks = {{"/a,b.img", "raw"}, {"/c", "qcow2"}};
     },
     "-drive if=none,id=disk0,discard=unmap,format=raw,file=/a,,b.img -device virtio-blk-pci,drive=disk0 "
     "-drive if=none,id=disk1,discard=unmap,format=qcow2,file=/c -device virtio-blk-pci,drive=disk1",
     "cdrom"},
    {"ReadonlyDisk",
     [](Machine& m) {
       m.disks = {{"/r", "raw", true}};
     },
     "-drive if=none,id=disk0,readonly=on,format=raw,file=/r ", "discard"},
    {"SataWhereADeviceWantsIt",
     [](Machine& m) {
       m.model = &model_of("amd64");
       m.devices = {"ide-hd,drive=d"};
     },
     "-machine q35 -accel", "sata"},
    {"NoInitramfs", [](Machine& m) { m.initrd.clear(); }, "-kernel /os-kernel -append quiet ", "-initrd"},
    {"BootDisk",
     [](Machine& m) {
       m.kernel.clear();
       m.disks = {{"/a", "raw"}, {"/b", "raw"}};
       m.cds = {"/data.iso"};
     },
     "-device virtio-blk-pci,drive=disk0,bootindex=0 -drive if=none,id=disk1,discard=unmap,format=raw,file=/b "
     "-device virtio-blk-pci,drive=disk1 -device virtio-scsi-pci "
     "-drive if=none,id=cd0,media=cdrom,readonly=on,format=raw,file=/data.iso -device scsi-cd,drive=cd0 ",
     "-kernel"},
    {"BootCd",
     [](Machine& m) {
       m.kernel.clear();
       m.disks = {{"/a", "raw"}};
       m.cds = {"/os,1.iso", "/data.iso"};
       m.boots_from_cd = true;
     },
     "-device virtio-blk-pci,drive=disk0 -device virtio-scsi-pci "
     "-drive if=none,id=cd0,media=cdrom,readonly=on,format=raw,file=/os,,1.iso -device scsi-cd,drive=cd0,bootindex=0 "
     "-drive if=none,id=cd1,media=cdrom,readonly=on,format=raw,file=/data.iso -device scsi-cd,drive=cd1 ",
     "-append"},
    {"Shares",
     [](Machine& m) {
       m.mebibytes = 512;
       m.shares = {{"/srv", "/s/virtiofs0"}, {"/home", "/s/virtiofs1"}};
     },
     "-object memory-backend-memfd,id=mem,share=on,size=512M -numa node,memdev=mem "
     "-chardev socket,id=share0,path=/s/virtiofs0 -device vhost-user-fs-pci,chardev=share0,tag=virtiofs0 "
     "-chardev socket,id=share1,path=/s/virtiofs1 -device vhost-user-fs-pci,chardev=share1,tag=virtiofs1 ",
     "/srv"},
    {"Gui", [](Machine& m) { m.gui = true; },
     "-device qemu-xhci -device virtio-gpu-pci -device usb-kbd -device usb-tablet", "-display"},
    {"UsbAndMore", [](Machine& m) { m.usb = true, m.devices = {"usb-storage,drive=x"}; },
     "-device qemu-xhci -display none -device usb-storage,drive=x", "gpu"},
    {"NoReboot", [](Machine& m) { m.no_reboot = true; }, "-no-reboot", "action"},
};
TEST(QemuArguments, EachOptionHasItsPart) {
  for (const Row& row : kRows) {
    Machine machine = plain("arm64");
    row.change(machine);
    const std::string text = joined(machine);
    EXPECT_NE(text.find(row.contains), std::string::npos) << row.name << ": " << text;
    EXPECT_EQ(text.find(row.lacks), std::string::npos) << row.name << ": " << text;
  }
}

TEST(Cmdline, GetsAConsoleAndAnEndToPanics) {
  struct Case {
    const char* architecture;
    const char* cmdline;
    const char* complete;
  };
  const Case kCases[] = {
      {"arm64", "", "console=ttyAMA0 panic=-1"},
      {"arm64", "console=tty0 console=ttyS0\n", "console=tty0 console=ttyS0 console=ttyAMA0 panic=-1"},
      {"arm64", "console=ttyAMA0,115200 panic=10", "console=ttyAMA0,115200 panic=10"},
      {"arm64", "console=ttyAMA00", "console=ttyAMA00 console=ttyAMA0 panic=-1"},
      {"amd64", "console=tty0 console=ttyS0 console=ttyAMA0 \n", "console=tty0 console=ttyS0 console=ttyAMA0 panic=-1"},
      {"riscv64", "quiet", "quiet console=ttyS0 panic=-1"},
  };
  for (const Case& one : kCases) EXPECT_EQ(complete_cmdline(one.cmdline, model_of(one.architecture)), one.complete);
}

TEST(Model, HasBothNamesOfEach) {
  EXPECT_EQ(model_of("aarch64").architecture, "arm64");
  EXPECT_EQ(model_of("x86_64").architecture, "amd64");
  try {
    model_of("sparc");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "no machine for architecture 'sparc': expected arm64, amd64 or riscv64");
  }
}

}  // namespace
}  // namespace kiln::machine
