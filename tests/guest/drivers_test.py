#!/usr/bin/env python3
"""The drivers of the shipped kernels `@kiln:kernel` and `@kiln:kernel-server`: those of common servers are there, the guest's own modprobe finds them by what
the hardware says of itself, and their dependencies are there too.

usage: drivers_test.py KILN_GUEST [PACKAGE]

The package is built into the store that the boots share, if it is not there.
"""

import os
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, kiln

BOTH, ARM64, AMD64 = ("arm64", "amd64"), ("arm64",), ("amd64",)


def pci(vendor, device, kind="020000", subvendor=0, subdevice=0):
    """A PCI device as /sys/bus/pci/devices/*/modalias has it; the class is that of an Ethernet card."""
    return (
        f"pci:v{vendor:08X}d{device:08X}sv{subvendor or vendor:08X}sd{subdevice:08X}"
        f"bc{kind[0:2].upper()}sc{kind[2:4].upper()}i{kind[4:6].upper()}"
    )


def acpi(name):
    return f"acpi:{name}:"


def tree(compatible, node="ethernet"):
    return f"of:N{node}T(null)C{compatible}"


NVME, AHCI, RAID, SAS, FIBRE = "010802", "010601", "010400", "010700", "0c0400"

# driver, what it drives, architectures, modalias
DRIVERS = [
    # Network: ARM64 servers
    ("nicvf", "Cavium ThunderX, virtual function", ARM64, pci(0x177D, 0xA034, subdevice=0xA134)),
    ("nicpf", "Cavium ThunderX, physical function", ARM64, pci(0x177D, 0xA01E, subdevice=0xA11E)),
    ("thunder_bgx", "Cavium ThunderX, MAC", ARM64, pci(0x177D, 0xA026, "088000", subdevice=0xA126)),
    ("thunder_xcv", "Cavium ThunderX, RGMII", ARM64, pci(0x177D, 0xA056, "088000")),
    ("hns3", "HiSilicon Kunpeng 920", ARM64, pci(0x19E5, 0xA222)),
    ("hclge", "HiSilicon Kunpeng 920, engine", ARM64, pci(0x19E5, 0xA222)),
    ("hclgevf", "HiSilicon Kunpeng 920, virtual function", ARM64, pci(0x19E5, 0xA22F)),
    ("hns_enet_drv", "HiSilicon Hi1616", ARM64, acpi("HISI00C2")),
    ("xgene_enet", "APM X-Gene", ARM64, acpi("APMC0D05")),
    ("xgene_enet_v2", "APM X-Gene 3, eMAG", ARM64, acpi("APMC0D80")),
    ("amd_xgbe", "AMD Seattle", ARM64, acpi("AMDI8001")),
    ("mvneta", "Marvell Armada 3700", ARM64, tree("marvell,armada-3700-neta")),
    ("mvpp2", "Marvell Armada 8040", ARM64, acpi("MRVL0110")),
    ("fsl_dpaa2_eth", "NXP Layerscape", ARM64, "fsl-mc:v00001957ddpni"),
    ("dwmac_generic", "Synopsys MAC", ARM64, tree("snps,dwmac")),
    ("dwmac_rk", "Rockchip", ARM64, tree("rockchip,rk3568-gmac")),
    ("dwmac_sun8i", "Allwinner", ARM64, tree("allwinner,sun50i-a64-emac")),
    ("netsec", "Socionext SynQuacer", ARM64, acpi("SCX0001")),
    ("qcom_emac", "Qualcomm Centriq", ARM64, acpi("QCOM8070")),
    ("genet", "Raspberry Pi 4", ARM64, tree("brcm,bcm2711-genet-v5")),
    ("rvu_nicpf", "Marvell OcteonTX2", ARM64, pci(0x177D, 0xA063, subdevice=0xB100)),
    # Network: cards
    ("mlx4_core", "Mellanox ConnectX-3", BOTH, pci(0x15B3, 0x1003)),
    ("mlx5_core", "Mellanox ConnectX-5", BOTH, pci(0x15B3, 0x1017)),
    ("mlx5_core", "Mellanox ConnectX-6 Dx", BOTH, pci(0x15B3, 0x101D)),
    ("ixgbe", "Intel 82599", BOTH, pci(0x8086, 0x10FB)),
    ("ixgbe", "Intel X550", BOTH, pci(0x8086, 0x1563)),
    ("ixgbevf", "Intel 82599, virtual function", BOTH, pci(0x8086, 0x10ED)),
    ("i40e", "Intel X710", BOTH, pci(0x8086, 0x1572)),
    ("i40e", "Intel X722", BOTH, pci(0x8086, 0x37D0)),
    ("iavf", "Intel adaptive virtual function", BOTH, pci(0x8086, 0x1889)),
    ("ice", "Intel E810", BOTH, pci(0x8086, 0x1592)),
    ("bnxt_en", "Broadcom 57414", BOTH, pci(0x14E4, 0x16D7)),
    ("bnx2x", "Broadcom 57810", BOTH, pci(0x14E4, 0x168E)),
    ("bnx2", "Broadcom 5709", BOTH, pci(0x14E4, 0x1639)),
    ("tg3", "Broadcom 5720", BOTH, pci(0x14E4, 0x165F)),
    ("e1000", "Intel 82540EM", BOTH, pci(0x8086, 0x100E)),
    ("e1000e", "Intel 82574L", BOTH, pci(0x8086, 0x10D3)),
    ("igb", "Intel I210", BOTH, pci(0x8086, 0x1533)),
    ("igb", "Intel I350", BOTH, pci(0x8086, 0x1521)),
    ("igc", "Intel I225", BOTH, pci(0x8086, 0x15F3)),
    ("r8169", "Realtek 8168", BOTH, pci(0x10EC, 0x8168)),
    ("r8169", "Realtek 8125", BOTH, pci(0x10EC, 0x8125)),
    ("atlantic", "Aquantia AQC107", BOTH, pci(0x1D6A, 0x07B1)),
    ("sfc", "Solarflare SFN8522", BOTH, pci(0x1924, 0x0A03)),
    ("cxgb4", "Chelsio T540", BOTH, pci(0x1425, 0x5403)),
    ("qede", "QLogic 41000", BOTH, pci(0x1077, 0x8070)),
    ("be2net", "Emulex Skyhawk", BOTH, pci(0x10DF, 0x0720)),
    ("nfp", "Netronome 4000", BOTH, pci(0x19EE, 0x4000)),
    ("enic", "Cisco VIC", AMD64, pci(0x1137, 0x0043)),
    ("amd_xgbe", "AMD EPYC embedded", BOTH, pci(0x1022, 0x1458)),
    ("ionic", "Pensando", BOTH, pci(0x1DD8, 0x1002)),
    ("ena", "Amazon", BOTH, pci(0x1D0F, 0xEC20)),
    ("gve", "Google", BOTH, pci(0x1AE0, 0x0042)),
    ("mana", "Microsoft Azure", BOTH, pci(0x1414, 0x00BA)),
    ("vmxnet3", "VMware", BOTH, pci(0x15AD, 0x07B0)),
    ("virtio_net", "virtio", BOTH, "virtio:d00000001v00001AF4"),
    ("ax88179_178a", "USB Ethernet", BOTH, "usb:v0B95p1790d0100dcFFdscFFdp00icFFiscFFip00in00"),
    # Storage
    ("nvme", "NVMe, by its class", BOTH, pci(0x144D, 0xA808, NVME)),
    ("ahci", "AHCI, by its class", BOTH, pci(0x1B21, 0x0612, AHCI)),
    ("ahci", "Cavium ThunderX SATA", ARM64, pci(0x177D, 0xA01C, AHCI)),
    ("ahci_platform", "AHCI of a device tree", ARM64, tree("generic-ahci", "sata")),
    ("ahci_xgene", "APM X-Gene", ARM64, acpi("APMC0D0D")),
    ("ahci_seattle", "AMD Seattle", ARM64, acpi("AMDI0600")),
    ("megaraid_sas", "MegaRAID 3108", BOTH, pci(0x1000, 0x005D, RAID)),
    ("megaraid_sas", "MegaRAID 3508", BOTH, pci(0x1000, 0x0014, RAID)),
    ("mpt3sas", "LSI SAS3008", BOTH, pci(0x1000, 0x0097, SAS)),
    ("mpt3sas", "Broadcom SAS3816", BOTH, pci(0x1000, 0x00E5, SAS)),
    ("hisi_sas_v3_hw", "HiSilicon Kunpeng 920", ARM64, pci(0x19E5, 0xA230, SAS)),
    ("hisi_sas_v2_hw", "HiSilicon Hi1616", ARM64, acpi("HISI0162")),
    ("smartpqi", "HPE and Adaptec SmartRAID", BOTH, pci(0x9005, 0x028F, SAS)),
    ("aacraid", "Adaptec series 8", BOTH, pci(0x9005, 0x028D, RAID)),
    ("hpsa", "HPE Smart Array", BOTH, pci(0x103C, 0x3239, RAID, 0x103C, 0x21BD)),
    ("qla2xxx", "QLogic 2700", BOTH, pci(0x1077, 0x2261, FIBRE)),
    ("lpfc", "Emulex LPe32000", BOTH, pci(0x10DF, 0xE300, FIBRE)),
    ("virtio_blk", "virtio", BOTH, "virtio:d00000002v00001AF4"),
    ("virtio_scsi", "virtio", BOTH, "virtio:d00000008v00001AF4"),
    ("sd_mod", "SCSI disks", BOTH, "scsi:t-0x00"),
    ("usb_storage", "USB sticks", BOTH, "usb:v0951p1666d0110dc00dsc00dp00ic08isc06ip50in00"),
]


# What @kiln:kernel-server leaves to @kiln:kernel: small boards, and cards one plugs in.
NOT_IN_SERVERS = {"dwmac_rk", "dwmac_sun8i", "genet", "ax88179_178a"}


class Drivers(case.Case):
    def setUp(self):
        super().setUp()
        self.needs("zstd")

    def unpacked(self, arch):
        """The modules of the package; returns the directory and the release."""
        self.kiln.store = os.path.join(case.WORK, "boot-store")
        self.succeeds(self.kiln.run("pkg", "build", "--platforms", f"linux/{arch}", PACKAGE, timeout=1500))
        tag = self.succeeds(self.kiln.run("pkg", "show-tag", PACKAGE)).stdout.strip()
        self.write("os.yml", f"kernel:\n  image: {tag}\n  cmdline: console=ttyS0\n")
        self.succeeds(self.kiln.build("--format", "tar", self.path("os.yml"), arch=arch))
        tar = next(os.path.join(self.kiln.out, name) for name in os.listdir(self.kiln.out) if name.endswith(".tar"))
        root = self.path(arch)
        with tarfile.open(tar) as archive:
            for member in archive:
                if "lib/modules/" in member.name and (member.isfile() or member.isdir()):
                    member.name = member.name[member.name.index("lib/modules/") :]
                    archive.extract(member, root)
        (release,) = os.listdir(os.path.join(root, "lib/modules"))
        return root, release

    def modprobe(self, root, release, option, name):
        result = subprocess.run([GUEST, "modprobe", option, "-d", root, "-S", release, name], capture_output=True, text=True, timeout=60)
        return result.stdout.split("\n")[:-1]

    def look(self, arch):
        root, release = self.unpacked(arch)
        with open(os.path.join(root, "lib/modules", release, "modules.builtin")) as stream:
            builtin = {os.path.basename(line.strip())[:-3].replace("-", "_") for line in stream}
        missing, count = [], 0
        for driver, hardware, arches, modalias in DRIVERS:
            if arch not in arches or (PACKAGE == "@kiln:kernel-server" and driver in NOT_IN_SERVERS):
                continue
            count += 1
            if driver in builtin:
                continue
            found = self.modprobe(root, release, "-R", modalias)
            if driver not in found:
                missing.append(f"{driver} ({hardware}): {modalias} gives {found}")
                continue
            files = [line.removeprefix("insmod ") for line in self.modprobe(root, release, "-D", driver)]
            missing += [f"{driver}: {path} is missing" for path in files if not os.path.exists(path)]
        self.assertEqual(missing, [])
        self.checked(f"{arch}: {count} devices of servers find their drivers in {release}, with all these depend on")
        return root, release

    def test_arm64(self):
        """ARM64: by modalias to the module, as the guest does it"""
        root, release = self.look("arm64")
        order = [os.path.basename(line).split(".")[0] for line in self.modprobe(root, release, "-D", "nicpf")]
        self.assertLess(order.index("thunder_bgx"), order.index("nicpf"))
        self.assertEqual(order[-1], "nicpf")
        self.checked("nicpf comes after thunder_bgx, which it calls")

    def test_amd64(self):
        """amd64: the same"""
        self.look("amd64")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    GUEST = os.path.abspath(sys.argv.pop(1))
    PACKAGE = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1].startswith("@") else "@kiln:kernel"
    case.main()
