#include "container/spec.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

json::Value read(std::string_view text) {
  json::Value value;
  EXPECT_EQ(json::parse(text, value), "");
  return value;
}

TEST(RuntimeSpec, EveryFieldIsOptional) {
  RuntimeSpec spec = read_runtime_spec(read("{}"));
  EXPECT_TRUE(spec.mounts.empty());
  EXPECT_FALSE(spec.needs_process());
}

TEST(RuntimeSpec, ReadsEveryField) {
  RuntimeSpec spec = read_runtime_spec(read(R"({"cgroups": ["a"], "mkdir": ["/b"], "unknown": 1,
      "mounts": [{"destination": "/d", "type": "overlay", "source": "s", "options": ["x", "y"]}],
      "interfaces": [{"name": "eth9", "add": "veth", "peer": "p", "createInRoot": true}],
      "bindNS": {"net": "/run/netns/x", "uts": "", "cgroup": "/c"}})"));
  ASSERT_EQ(spec.mounts.size(), 1U);
  EXPECT_EQ(spec.mounts[0].destination, "/d");
  EXPECT_EQ(spec.mounts[0].options, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(spec.cgroups, (std::vector<std::string>{"a"}));
  EXPECT_EQ(spec.mkdir, (std::vector<std::string>{"/b"}));
  ASSERT_EQ(spec.interfaces.size(), 1U);
  EXPECT_TRUE(spec.interfaces[0].create_in_root);
  ASSERT_EQ(spec.bind_namespaces.size(), 2U);
  EXPECT_EQ(spec.bind_namespaces[0].name, "cgroup");
  EXPECT_EQ(spec.bind_namespaces[1].path, "/run/netns/x");
  EXPECT_TRUE(spec.needs_process());
}

TEST(ServiceSpec, PolicyAndSignalFromAnnotations) {
  ServiceSpec spec;
  EXPECT_EQ(read_service_spec(read("{}"), spec), "");
  EXPECT_EQ(spec.restart, RestartPolicy::no);
  EXPECT_EQ(spec.stop_signal, 15);
  EXPECT_EQ(
      read_service_spec(
          read(
              R"({"annotations": {"org.kiln.restart": "on-failure", "org.opencontainers.image.stopSignal": "SIGQUIT"}})"),
          spec),
      "");
  EXPECT_EQ(spec.restart, RestartPolicy::on_failure);
  EXPECT_EQ(spec.stop_signal, 3);
}

TEST(ServiceSpec, SaysWhatIsWrong) {
  ServiceSpec spec;
  EXPECT_EQ(read_service_spec(read(R"({"annotations": {"org.kiln.restart": "sometimes"}})"), spec),
            "annotation org.kiln.restart is 'sometimes': expected no, on-failure or always");
  EXPECT_EQ(read_service_spec(read(R"({"annotations": {"org.opencontainers.image.stopSignal": "SIGNOPE"}})"), spec),
            "annotation org.opencontainers.image.stopSignal is 'SIGNOPE': expected the name or number of a signal");
}

}  // namespace
}  // namespace guest
