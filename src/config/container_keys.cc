// The keys of an image object and of the objects in it (spec yaml.md §5.1-5.6). The order is the one LinuxKit writes
// them in, which describe.cc follows.
#include "config/decoder.h"

namespace kiln::config {
namespace {

using Options = ContainerOptions;

constexpr Key<Options> kContainerKeys[] = {
    key<&Options::capabilities>("capabilities"),
    key<&Options::capabilities_add>("capabilities.add"),
    key<&Options::ambient>("ambient"),
    key<&Options::mounts>("mounts"),
    key<&Options::binds>("binds"),
    key<&Options::binds_add>("binds.add"),
    key<&Options::devices>("devices"),
    key<&Options::tmpfs>("tmpfs"),
    key<&Options::command>("command"),
    key<&Options::env>("env"),
    key<&Options::cwd>("cwd"),
    key<&Options::net>("net"),
    key<&Options::pid>("pid"),
    key<&Options::ipc>("ipc"),
    key<&Options::uts>("uts"),
    key<&Options::userns>("userns"),
    key<&Options::hostname>("hostname"),
    key<&Options::readonly>("readonly"),
    key<&Options::masked_paths>("maskedPaths"),
    key<&Options::readonly_paths>("readonlyPaths"),
    key<&Options::uid>("uid"),
    key<&Options::gid>("gid"),
    key<&Options::additional_gids>("additionalGids"),
    key<&Options::no_new_privileges>("noNewPrivileges"),
    key<&Options::oom_score_adj>("oomScoreAdj"),
    key<&Options::rootfs_propagation>("rootfsPropagation"),
    key<&Options::cgroups_path>("cgroupsPath"),
    key<&Options::resources>("resources"),
    key<&Options::sysctl>("sysctl"),
    key<&Options::rlimits>("rlimits"),
    key<&Options::uid_mappings>("uidMappings"),
    key<&Options::gid_mappings>("gidMappings"),
    key<&Options::annotations>("annotations"),
    key<&Options::runtime>("runtime"),
};

// LinuxKit's schema knows only the spelling with capitals and its decoder only the one without, so that the mappings
// never worked there (yaml.md, Quirk 1). Both are read here.
constexpr Key<IdMapping> kIdMappingKeys[] = {
    key<&IdMapping::container_id>("containerID"),
    key<&IdMapping::container_id>("containerid"),
    key<&IdMapping::host_id>("hostID"),
    key<&IdMapping::host_id>("hostid"),
    key<&IdMapping::size>("size"),
};

constexpr Key<Mount> kMountKeys[] = {
    key<&Mount::destination>("destination"),
    key<&Mount::type>("type"),
    key<&Mount::source>("source"),
    key<&Mount::options>("options"),
    key<&Mount::uid_mappings>("uidmappings"),
    key<&Mount::gid_mappings>("gidmappings"),
    key<&Mount::uid_mappings>("uidMappings"),
    key<&Mount::gid_mappings>("gidMappings"),
};

constexpr Key<Device> kDeviceKeys[] = {
    key<&Device::path>("path"),   key<&Device::type>("type"), key<&Device::major>("major"),
    key<&Device::minor>("minor"), key<&Device::mode>("mode"),
};

constexpr Key<Interface> kInterfaceKeys[] = {
    key<&Interface::name>("name"),
    key<&Interface::add>("add"),
    key<&Interface::peer>("peer"),
    key<&Interface::create_in_root>("createInRoot"),
};

constexpr Key<BindNamespaces> kBindNamespacesKeys[] = {
    key<&BindNamespaces::cgroup>("cgroup"), key<&BindNamespaces::ipc>("ipc"), key<&BindNamespaces::mnt>("mnt"),
    key<&BindNamespaces::net>("net"),       key<&BindNamespaces::pid>("pid"), key<&BindNamespaces::user>("user"),
    key<&BindNamespaces::uts>("uts"),
};

constexpr Key<Runtime> kRuntimeKeys[] = {
    key<&Runtime::cgroups>("cgroups"), key<&Runtime::mounts>("mounts"),
    key<&Runtime::mkdir>("mkdir"),     key<&Runtime::interfaces>("interfaces"),
    key<&Runtime::bind_ns>("bindNS"),  key<&Runtime::namespace_name>("namespace"),
};

}  // namespace

template <>
std::span<const Key<ContainerOptions>> keys_of<ContainerOptions>() {
  return kContainerKeys;
}
template <>
std::span<const Key<IdMapping>> keys_of<IdMapping>() {
  return kIdMappingKeys;
}
template <>
std::span<const Key<Mount>> keys_of<Mount>() {
  return kMountKeys;
}
template <>
std::span<const Key<Device>> keys_of<Device>() {
  return kDeviceKeys;
}
template <>
std::span<const Key<Interface>> keys_of<Interface>() {
  return kInterfaceKeys;
}
template <>
std::span<const Key<BindNamespaces>> keys_of<BindNamespaces>() {
  return kBindNamespacesKeys;
}
template <>
std::span<const Key<Runtime>> keys_of<Runtime>() {
  return kRuntimeKeys;
}

}  // namespace kiln::config
