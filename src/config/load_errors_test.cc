// Every mistake a configuration can have, with its whole message.
#include <gtest/gtest.h>

#include "base/error.h"
#include "config/load.h"

namespace kiln::config {
namespace {

struct BadCase {
  const char* name;
  const char* yaml;
  const char* message;  ///< without the "t.yml:" in front
  const char* hint = "";
};

std::string image(const char* lines) { return concat("services:\n- name: web\n  image: nginx\n", lines); }

void expect_error(const std::string& yaml, const BadCase& test) {
  SCOPED_TRACE(test.name);
  try {
    load({{"t.yml", yaml, ""}}, {});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), concat("t.yml:", test.message));
    EXPECT_EQ(error.hint(), test.hint);
  }
}

constexpr char kLeaveOut[] = "leave the key out, or give it a value";

constexpr BadCase kDocuments[] = {
    {"Empty", "", "1:1: the document is empty"},
    {"OnlyAComment", "# nothing\n", "1:1: the document is empty"},
    {"Scalar", "hello",
     "1:1: the document: expected a mapping with kernel, init, onboot, services and so on, got the string 'hello'"},
    {"List", "- a", "1:1: the document: expected a mapping with kernel, init, onboot, services and so on, got a list"},
    {"Null", "~", "1:1: the document: expected a mapping with kernel, init, onboot, services and so on, got nothing",
     kLeaveOut},
    {"UnknownSection", "service:\n- name: a\n", "1:1: unknown key 'service' in the document; did you mean 'services'?"},
    {"FarFromEverything", "xyzzy: 1", "1:1: unknown key 'xyzzy' in the document"},
    {"OldSystem", "system: []", "1:1: unknown key 'system' in the document; did you mean 'onboot'?"},
    {"OldDaemon", "daemon: []", "1:1: unknown key 'daemon' in the document; did you mean 'services'?"},
    {"OutputWithoutFormat", "outputs:\n- project: x\n", "2:3: output item 1: format is missing"},
    {"OutputWithTypo", "outputs: [{format: tar, buckt: x}]",
     "1:25: unknown key 'buckt' in output 'tar'; did you mean 'bucket'?"},
    {"NullSection", "files:\n", "1:1: 'files': expected a list, got nothing", kLeaveOut},
    {"KernelAsString", "kernel: linux", "1:9: 'kernel': expected a mapping, got the string 'linux'"},
    {"InitAsString", "init: linuxkit/init", "1:7: 'init': expected a list, got the string 'linuxkit/init'",
     "write ['linuxkit/init']"},
    {"InitElement", "init: [a, 5]", "1:11: item 2 of 'init': expected a string, got the integer 5",
     "write \"5\" in quotes"},
    {"InitEmpty", "init: ['']", "1:8: item 1 of 'init': image is empty"},
    {"VolumesAsMapping", "volumes: {}", "1:10: 'volumes': expected a list, got a mapping"},
    {"OnbootAsMapping", "onboot: {}", "1:9: 'onboot': expected a list, got a mapping"},
    {"TrustKey", "trust: {orgs: []}", "1:9: unknown key 'orgs' in 'trust'; did you mean 'org'?"},
    {"TrustType", "trust: {org: a}", "1:14: 'org' of 'trust': expected a list, got the string 'a'", "write ['a']"},
    {"KernelKey", "kernel: {imagee: a}", "1:10: unknown key 'imagee' in 'kernel'; did you mean 'image'?"},
    {"KernelCmdlineInteger", "kernel: {cmdline: 0644}",
     "1:19: 'cmdline' of 'kernel': expected a string, got the integer 0644", "write \"0644\" in quotes"},
};

TEST(LoadErrors, Documents) {
  for (const BadCase& test : kDocuments) expect_error(test.yaml, test);
}

constexpr BadCase kSyntax[] = {
    {"Unclosed", "init: [a", "1:7: not valid YAML: end of sequence flow not found"},
    {"BadIndent", "kernel:\n  image: a\n cmdline: b\n", "3:2: not valid YAML: end of map not found"},
    {"AtSign", "init:\n- @pkg:../init\n", "2:3: not valid YAML: unknown token", "quote a value that begins with @"},
    {"UnknownAlias", "init: *a", "1:7: alias '*a' has no anchor before it"},
    {"AliasOfItself", "init: &a [*a]", "1:11: an alias refers to the value it is part of"},
    {"DuplicateKey", "init: []\nfiles: []\ninit: []\n", "3:1: key 'init' was already given on line 1",
     "keep one of them"},
    {"DuplicateKeyDeep", "services:\n- name: a\n  image: b\n  name: c\n", "4:3: key 'name' was already given on line 2",
     "keep one of them"},
    {"ListAsKey", "? [a]\n: b\n", "1:3: a key must be a word, got a list or a mapping",
     "quote text that begins with [ or {"},
    {"NullAsKey", "~: b\n", "1:1: a key must be a word, got nothing"},
    {"MergeOfText", "kernel:\n  <<: a\n", "2:7: the merge key '<<' needs a mapping or a list of mappings"},
    {"WrongTag", "kernel: {cmdline: !!int abc}", "1:19: 'abc' is tagged !!int but is none"},
    {"NotUtf8", "kernel:\n  cmdline: \xff\n", "2:12: is not UTF-8 text"},
};

TEST(LoadErrors, Syntax) {
  for (const BadCase& test : kSyntax) expect_error(test.yaml, test);
}

constexpr BadCase kContainers[] = {
    {"NotAMapping", "services: [nginx]", "1:12: service item 1: expected a mapping, got the string 'nginx'"},
    {"NoName", "services:\n- image: a\n", "2:3: service item 1: name is missing"},
    {"NoImage", "onboot:\n- name: a\n", "2:3: onboot 'a': image is missing"},
    {"EmptyImage", "onboot:\n- name: a\n  image: ''\n", "3:10: onboot 'a': image is empty"},
    {"ImageType", "onboot:\n- name: a\n  image: 5\n",
     "3:10: 'image' of onboot 'a': expected a string, got the integer 5", "write \"5\" in quotes"},
    {"NameType", "onboot:\n- name: 5\n  image: a\n",
     "2:9: 'name' of onboot item 1: expected a string, got the integer 5", "write \"5\" in quotes"},
    {"EmptyName", "services:\n- name: ''\n  image: a\n", "2:9: service item 1: name is empty",
     "it becomes the name of a directory"},
    {"DotDot", "services:\n- name: ..\n  image: a\n", "2:9: service '..': name '..' is not allowed",
     "it becomes the name of a directory"},
    {"Dot", "services:\n- name: .\n  image: a\n", "2:9: service '.': name '.' is not allowed",
     "it becomes the name of a directory"},
    {"Slash", "onshutdown:\n- name: a/b\n  image: a\n", "2:9: onshutdown 'a/b': name 'a/b' has a '/' in it",
     "it becomes the name of a directory"},
    {"Control", "services:\n- name: \"a\\nb\"\n  image: a\n",
     "2:9: service 'a\\x0ab': name 'a\\x0ab' has a control character in it", "it becomes the name of a directory"},
    {"TwoServices", "services:\n- name: a\n  image: b\n- name: a\n  image: c\n",
     "4:9: duplicate service name: 'a', first given at t.yml:2:9"},
};

TEST(LoadErrors, Containers) {
  for (const BadCase& test : kContainers) expect_error(test.yaml, test);
}

TEST(LoadErrors, NameThatIsTooLong) {
  const std::string yaml = concat("services:\n- name: ", std::string(241, 'x'), "\n  image: a\n");
  const std::string message =
      concat("2:9: service '", std::string(241, 'x'), "': name is 241 bytes long, at most 240 are allowed");
  expect_error(yaml, {"TooLong", "", message.c_str(), "it becomes the name of a directory"});
}

// Lines after "name: web" and "image: nginx" of one service, so that they start on line 4 column 3.
constexpr BadCase kOptions[] = {
    {"UnknownKey", "  comand: [a]", "4:3: unknown key 'comand' in service 'web'; did you mean 'command'?"},
    {"SwappedLetters", "  evn: [a]", "4:3: unknown key 'evn' in service 'web'; did you mean 'env'?"},
    {"WrongCase", "  readOnly: true", "4:3: unknown key 'readOnly' in service 'web'; did you mean 'readonly'?"},
    {"OldName", "  network_mode: host", "4:3: unknown key 'network_mode' in service 'web'; did you mean 'net'?"},
    {"OldReadOnly", "  read_only: true", "4:3: unknown key 'read_only' in service 'web'; did you mean 'readonly'?"},
    {"StringForList", "  command: /bin/sh",
     "4:12: 'command' of service 'web': expected a list, got the string '/bin/sh'", "write ['/bin/sh']"},
    {"NullForList", "  binds:", "4:3: 'binds' of service 'web': expected a list, got nothing", kLeaveOut},
    {"IntegerInList", "  env: [a=b, 1]", "4:14: item 2 of 'env' of service 'web': expected a string, got the integer 1",
     "write \"1\" in quotes"},
    {"YesForBoolean", "  readonly: yes",
     "4:13: 'readonly' of service 'web': expected true or false, got the string 'yes'", "write true"},
    {"OffForBoolean", "  readonly: Off",
     "4:13: 'readonly' of service 'web': expected true or false, got the string 'Off'", "write false"},
    {"QuotedBoolean", "  noNewPrivileges: \"true\"",
     "4:20: 'noNewPrivileges' of service 'web': expected true or false, got the string 'true'", "write true"},
    {"BooleanForString", "  hostname: true",
     "4:13: 'hostname' of service 'web': expected a string, got the boolean true", "write \"true\" in quotes"},
    {"NumberForString", "  net: 1.5", "4:8: 'net' of service 'web': expected a string, got the number 1.5",
     "write \"1.5\" in quotes"},
    {"StringForInteger", "  oomScoreAdj: \"5\"",
     "4:16: 'oomScoreAdj' of service 'web': expected an integer, got the string '5'", "remove the quotes"},
    {"ScoreRange", "  oomScoreAdj: -1001",
     "4:16: 'oomScoreAdj' of service 'web': expected an integer from -1000 to 1000, got -1001"},
    {"IdType", "  uid: [1]", "4:8: 'uid' of service 'web': expected an integer or the name of a container, got a list"},
    {"IdNegative", "  uid: -1", "4:8: 'uid' of service 'web': expected an integer from 0 to 4294967295, got -1"},
    {"IdLarge", "  gid: 4294967296",
     "4:8: 'gid' of service 'web': expected an integer from 0 to 4294967295, got 4294967296"},
    {"IdInList", "  additionalGids: [1.5]",
     "4:20: item 1 of 'additionalGids' of service 'web': expected an integer or the name of a container, got the "
     "number 1.5"},
    {"MapType", "  sysctl: [a]", "4:11: 'sysctl' of service 'web': expected a mapping, got a list"},
    {"MapValue", "  sysctl: {net.core.somaxconn: 1024}",
     "4:32: 'net.core.somaxconn' of 'sysctl' of service 'web': expected a string, got the integer 1024",
     "write \"1024\" in quotes"},
    {"MountType", "  mounts: [proc]",
     "4:12: item 1 of 'mounts' of service 'web': expected a mapping, got the string 'proc'"},
    {"MountKey", "  mounts: [{dest: /a}]", "4:13: unknown key 'dest' in item 1 of 'mounts' of service 'web'"},
    {"DeviceMode", "  devices: [{path: /dev/x, mode: 0666}]",
     "4:34: 'mode' of item 1 of 'devices' of service 'web': expected a string, got the integer 0666",
     "write \"0666\" in quotes"},
    {"DeviceMajor", "  devices: [{major: a}]",
     "4:21: 'major' of item 1 of 'devices' of service 'web': expected an integer, got the string 'a'"},
    {"ResourcesKey", "  resources: {memry: {}}",
     "4:15: unknown key 'memry' in 'resources' of service 'web'; did you mean 'memory'?"},
    {"ResourcesNotThere", "  resources: {unified: {}}", "4:15: unknown key 'unified' in 'resources' of service 'web'"},
    {"ResourcesType", "  resources: []", "4:14: 'resources' of service 'web': expected a mapping, got a list"},
    {"MemoryLimit", "  resources: {memory: {limit: 64M}}",
     "4:31: 'limit' of 'memory' of 'resources' of service 'web': expected an integer, got the string '64M'"},
    {"SwappinessRange", "  resources: {memory: {swappiness: -1}}",
     "4:36: 'swappiness' of 'memory' of 'resources' of service 'web': expected an integer from 0 to "
     "18446744073709551615, got -1"},
    {"WeightRange", "  resources: {blockio: {weight: 65536}}",
     "4:33: 'weight' of 'blockio' of 'resources' of service 'web': expected an integer from 0 to 65535, got 65536"},
    {"PageSize", "  resources: {hugepageLimits: [{pageSize: 1000}]}",
     "4:43: 'pageSize' of item 1 of 'hugepageLimits' of 'resources' of service 'web': expected a page size in bytes, "
     "got 1000",
     "write the kernel's name of it, such as \"2MB\""},
    {"ThrottleKey", "  resources: {blockio: {throttleReadIOPSDevice: [{rat: 1}]}}",
     "4:51: unknown key 'rat' in item 1 of 'throttleReadIOPSDevice' of 'blockio' of 'resources' of service 'web'; did "
     "you mean 'rate'?"},
    {"IdMapping", "  uidMappings: [{hostId: 1}]",
     "4:18: unknown key 'hostId' in item 1 of 'uidMappings' of service 'web'; did you mean 'hostID'?"},
    {"RuntimeKey", "  runtime: {mkdirs: []}",
     "4:13: unknown key 'mkdirs' in 'runtime' of service 'web'; did you mean 'mkdir'?"},
    {"BindNsKey", "  runtime: {bindNS: {network: a}}",
     "4:22: unknown key 'network' in 'bindNS' of 'runtime' of service "
     "'web'; did you mean 'net'?"},
    {"InterfaceType", "  runtime: {interfaces: [{createInRoot: 1}]}",
     "4:41: 'createInRoot' of item 1 of 'interfaces' of 'runtime' of service 'web': expected true or false, got the "
     "integer 1",
     "write true"},
};

TEST(LoadErrors, Options) {
  for (const BadCase& test : kOptions) expect_error(image(test.yaml), test);
}

TEST(LoadErrors, LongTextsAreCutOff) {
  const std::string message = concat("4:13: 'readonly' of service 'web': expected true or false, got the string '",
                                     std::string(99, 'x'), "'...");
  expect_error(image(concat("  readonly: ", std::string(99, 'x'), "\u00fc\u00fc").c_str()),
               {"Long", "", message.c_str()});
}

constexpr BadCase kFiles[] = {
    {"NotAMapping", "files: [a]", "1:9: file item 1: expected a mapping, got the string 'a'"},
    {"UnknownKey", "files:\n- path: a\n  content: b\n",
     "2:3: file 'a': contents of file (a) not specified (give one of contents, source, symlink, directory and "
     "metadata)\n"
     "t.yml:3:3: unknown key 'content' in file 'a'; did you mean 'contents'?"},
    {"NoPath", "files: [{contents: a}]", "1:9: file item 1: did not specify path for file"},
    {"EmptyPath", "files: [{path: '', contents: a}]", "1:16: file item 1: did not specify path for file"},
    {"RootPath", "files: [{path: /, contents: a}]", "1:16: file '/': did not specify path for file"},
    {"DotDot", "files: [{path: a/../../b, contents: a}]",
     "1:16: file 'a/../../b': path 'a/../../b' has a component '..'"},
    {"NulInPath", "files: [{path: \"a\\0b\", contents: a}]", "1:16: file 'a\\x00b': path 'a\\x00b' has a NUL in it"},
    {"NoContents", "files: [{path: a}]", "1:9: file 'a': contents of file (a) not specified",
     "give one of contents, source, symlink, directory and metadata"},
    {"SourceAndMetadata", "files: [{path: a, source: b, metadata: yaml}]",
     "1:40: file 'a': specified Source and Metadata for file: a"},
    {"ContentsAndMetadata", "files: [{path: a, contents: b, metadata: yaml}]",
     "1:42: file 'a': specified Contents and Metadata for file: a"},
    {"DirectoryAndMetadata", "files: [{path: a, directory: true, metadata: yaml}]",
     "1:46: file 'a': specified Contents and Metadata for file: a"},
    {"ContentsAndSource", "files: [{path: a, contents: b, source: c}]",
     "1:40: file 'a': specified Contents and Source for file: a"},
    {"SymlinkAndSource", "files: [{path: a, symlink: b, source: c}]",
     "1:39: file 'a': specified Contents and Source for file: a"},
    {"DirectoryAndContents", "files: [{path: a, directory: true, contents: ''}]",
     "1:46: file 'a': directory with contents not allowed"},
    {"DirectoryAndSymlink", "files: [{path: a, directory: true, symlink: b}]",
     "1:45: file 'a': a directory cannot be a symlink as well"},
    {"MetadataType", "files: [{path: a, metadata: toml}]",
     "1:29: file 'a': unsupported metadata type 'toml': expected yaml or json"},
    {"Mode", "files: [{path: a, contents: b, mode: '0689'}]",
     "1:38: file 'a': cannot parse file mode as octal value: expected digits 0 to 7 up to 7777, got '0689'"},
    {"ModeRange", "files: [{path: a, contents: b, mode: '17777'}]",
     "1:38: file 'a': cannot parse file mode as octal value: expected digits 0 to 7 up to 7777, got '17777'"},
    {"ModeType", "files: [{path: a, contents: b, mode: 0644}]",
     "1:38: 'mode' of file 'a': expected a string, got the integer 0644", "write \"0644\" in quotes"},
};

TEST(LoadErrors, Files) {
  for (const BadCase& test : kFiles) expect_error(test.yaml, test);
}

constexpr BadCase kVolumes[] = {
    {"BadName", "volumes: [{name: A}]", "1:18: invalid volume name: 'A'",
     "use lower-case letters, digits, '-' and '_'"},
    {"NoName", "volumes: [{image: a}]", "1:11: invalid volume name: ''", "use lower-case letters, digits, '-' and '_'"},
    {"EmptyName", "volumes: [{name: ''}]", "1:18: invalid volume name: ''",
     "use lower-case letters, digits, '-' and '_'"},
    {"Format", "volumes: [{name: a, format: tar}]",
     "1:29: 'format' of volume 'a': expected oci or filesystem, got 'tar'"},
    {"Key", "volumes: [{name: a, readOnly: true}]",
     "1:21: unknown key 'readOnly' in volume 'a'; did you mean 'readonly'?"},
    {"Duplicate", "volumes:\n- name: a\n- name: a\n", "3:3: duplicate volume name: 'a', first given at t.yml:2:3"},
    {"NotFound", "volumes: [{name: data}]\nonboot: [{name: b, image: c, binds: ['date:/x']}]\n",
     "2:38: volume 'date' not found in onboot 'b'; did you mean 'data'?",
     "a source that does not start with '/' names an entry of 'volumes'"},
    {"NotFoundInAdd", "onboot: [{name: b, image: c, binds.add: ['x:/x']}]\n",
     "1:42: volume 'x' not found in onboot 'b'", "a source that does not start with '/' names an entry of 'volumes'"},
    {"NotFoundInMount", "onboot: [{name: b, image: c, mounts: [{type: bind, source: x, destination: /x}]}]\n",
     "1:39: volume 'x' not found in onboot 'b'", "a source that does not start with '/' names an entry of 'volumes'"},
    {"ReadOnly", "volumes: [{name: a, readonly: true}]\nonboot: [{name: b, image: c, binds: ['a:/x:rw,ro']}]\n",
     "2:38: volume 'a' is read-only, but attempting to write into container read-write",
     "add ':ro' to the bind, or the option ro to the mount"},
    {"ReadOnlyMount",
     "volumes: [{name: a, readonly: true}]\n"
     "onboot: [{name: b, image: c, mounts: [{type: bind, source: a, destination: /x, options: [rw, ro]}]}]\n",
     "2:39: volume 'a' is read-only, but attempting to write into container read-write",
     "add ':ro' to the bind, or the option ro to the mount"},
};

TEST(LoadErrors, Volumes) {
  for (const BadCase& test : kVolumes) expect_error(test.yaml, test);
}

TEST(LoadErrors, AllMistakesOfAllFilesAreShownTogetherInOrder) {
  try {
    load({{"b.yml", "services:\n- name: web\n  image: nginx\n  readonly: yes\n  comand: [a]\n", ""},
          {"a.yml", "kernel: [", ""},
          {"c.yml", "services:\n- {name: web, image: x}\nfiles:\n- path: a\n", ""}},
         {});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "b.yml:4:13: 'readonly' of service 'web': expected true or false, got the string 'yes' (write true)\n"
              "b.yml:5:3: unknown key 'comand' in service 'web'; did you mean 'command'?\n"
              "a.yml:1:9: not valid YAML: end of sequence flow not found\n"
              "c.yml:2:10: duplicate service name: 'web', first given at b.yml:2:9\n"
              "c.yml:4:3: file 'a': contents of file (a) not specified (give one of contents, source, symlink, "
              "directory and metadata)");
  }
}

}  // namespace
}  // namespace kiln::config
