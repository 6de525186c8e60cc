#include "http/file_service.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "http/beneath.h"
#include "http/target.h"

namespace kiln::http {
namespace {

namespace fs = std::filesystem;

/// A tree with a file beside it that must never be served.
class Tree {
 public:
  Tree() {
    write_file(parent_.path() / "secret", "secret");
    make_directories(root() / "sub" / "deep");
    write_file(root() / "kernel", "kernel");
    write_file(root() / "sub" / "page.html", "page");
    write_file(root() / "sub" / "deep" / "x", "deep x");
    write_file(root() / ".dot", "dot");
    write_file(root() / "a b&<c>", "odd");
    write_file(root() / "back\\slash", "backslash");
    make_directories(root() / "indexed");
    write_file(root() / "indexed" / "index.html", "index");
    fs::create_symlink("sub", root() / "inside");
    fs::create_symlink("../kernel", root() / "sub" / "up");
    fs::create_symlink("deep/../../sub/deep", root() / "sub" / "winding");
    fs::create_symlink("inside/winding/x", root() / "chain");
    fs::create_symlink("../secret", root() / "escape");
    fs::create_symlink("sub/../../secret", root() / "escape2");
    fs::create_symlink(parent_.path() / "secret", root() / "absolute");
    fs::create_symlink(root() / "kernel", root() / "absolute-inside");
    fs::create_symlink("..", root() / "parent");
    fs::create_symlink("loop", root() / "loop");
    fs::create_symlink("nowhere", root() / "dangling");
    EXPECT_EQ(::mkfifo((root() / "fifo").c_str(), 0644), 0);
  }
  fs::path root() const { return parent_.path() / "root"; }

 private:
  TempDir parent_;
};

Request get(const std::string& target) {
  auto parsed = parse_target(target);
  EXPECT_TRUE(std::holds_alternative<Target>(parsed)) << target;
  Request request;
  request.method = Request::Method::get;
  request.target = target;
  request.path = std::get<Target>(parsed).path;
  return request;
}

std::string text_of(const Body& body) {
  std::string text;
  for (const Body::Piece& piece : body.pieces()) {
    if (const auto* memory = std::get_if<Body::Memory>(&piece)) {
      text += memory->text->substr(memory->offset, memory->size);
      continue;
    }
    const auto& file = std::get<Body::File>(piece);
    std::string part(file.size, '\0');
    EXPECT_EQ(::pread(file.file->get(), part.data(), part.size(), static_cast<off_t>(file.offset)),
              static_cast<ssize_t>(file.size));
    text += part;
  }
  return text;
}

struct Case {
  const char* target;
  int status;
  const char* body;
};

constexpr const char* kOutside = " leads out of the directory that is served\n";

const Case kCases[] = {
    {"/kernel", 200, "kernel"},
    {"/sub/page.html", 200, "page"},
    {"/a%20b&%3Cc%3E", 200, "odd"},
    {"/back\\slash", 200, "backslash"},
    {"/back%5Cslash", 200, "backslash"},
    {"/.dot", 200, "dot"},
    {"/indexed/", 200, "index"},
    {"/sub/../kernel", 200, "kernel"},
    {"/inside/page.html", 200, "page"},
    {"/sub/up", 200, "kernel"},
    {"/sub/winding/x", 200, "deep x"},
    {"/chain", 200, "deep x"},
    {"/sub", 301, "301 Moved Permanently: /sub/\n"},
    {"/inside?a=b", 301, "301 Moved Permanently: /inside/?a=b\n"},
    {"/nothing", 404, "404 Not Found: there is no '/nothing'\n"},
    {"/kernel/", 404, "404 Not Found: there is no '/kernel/'\n"},
    {"/kernel/x", 404, "404 Not Found: there is no '/kernel/x'\n"},
    {"/loop", 404, "404 Not Found: there is no '/loop'\n"},
    {"/dangling", 404, "404 Not Found: there is no '/dangling'\n"},
    {"/%2e%2e%5csecret", 404, "404 Not Found: there is no '/..\\x5csecret'\n"},
    {"/%252e%252e/secret", 404, "404 Not Found: there is no '/%2e%2e/secret'\n"},
    {"/..\\secret", 404, "404 Not Found: there is no '/..\\x5csecret'\n"},
    {"/escape", 403, "'/escape'"},
    {"/escape2", 403, "'/escape2'"},
    {"/absolute", 403, "'/absolute'"},
    {"/absolute-inside", 403, "'/absolute-inside'"},
    {"/parent/secret", 403, "'/parent/secret'"},
    {"/parent/", 403, "'/parent/'"},
    {"/fifo", 403, "403 Forbidden: '/fifo' is no file\n"},
};

std::string expected_body(const Case& one) {
  const std::string body = one.body;
  return body.starts_with('\'') ? concat("403 Forbidden: ", body, kOutside) : body;
}

TEST(FileService, BothResolversServeTheSame) {
  const Tree tree;
  for (const auto resolver : {FileService::Resolver::kernel, FileService::Resolver::walk}) {
    const FileService service{tree.root(), resolver};
    for (const Case& one : kCases) {
      const Response response = service(get(one.target));
      const char* name = resolver == FileService::Resolver::kernel ? " (kernel)" : " (walk)";
      EXPECT_EQ(response.status, one.status) << one.target << name;
      EXPECT_EQ(text_of(response.body), expected_body(one)) << one.target << name;
    }
  }
}

TEST(FileService, ALongPathIsNotFound) {
  const Tree tree;
  for (const auto resolver : {FileService::Resolver::kernel, FileService::Resolver::walk}) {
    const FileService service{tree.root(), resolver};
    EXPECT_EQ(service(get("/" + std::string(300, 'x'))).status, 404);
    std::string deep;
    for (int i = 0; i < 3000; ++i) deep += "/x";
    EXPECT_EQ(service(get(deep)).status, 404);
  }
}

TEST(FileService, AHeadHasWhatCachesNeed) {
  const Tree tree;
  const FileService service{tree.root()};
  const Response response = service(get("/kernel"));
  EXPECT_EQ(response.headers, (std::vector<Header>{{"Content-Type", "application/octet-stream"}}));
  EXPECT_TRUE(response.etag.starts_with('"') && response.etag.ends_with('"') && response.etag.size() > 10);
  EXPECT_TRUE(response.last_modified.has_value());
  EXPECT_EQ(service(get("/kernel")).etag, response.etag);
  write_file(tree.root() / "kernel", "KERNEL");  // replaced by a file of the same size, as a rebuild does
  EXPECT_NE(service(get("/kernel")).etag, response.etag);
}

TEST(FileService, OtherMethods) {
  const Tree tree;
  Request request = get("/kernel");
  request.method = Request::Method::post;
  const Response response = FileService{tree.root()}(request);
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.back(), (Header{"Allow", "GET, HEAD"}));
}

TEST(FileService, AnotherMountPoint) {
  const Tree tree;
  const FileService service{tree.root()};
  const Response response = service.serve(get("/files/sub"), "/sub");
  EXPECT_EQ(response.headers.back(), (Header{"Location", "/files/sub/"}));
  EXPECT_EQ(text_of(service.serve(get("/files/kernel"), "/kernel").body), "kernel");
}

TEST(FileService, Listings) {
  const Tree tree;
  const FileService service{tree.root()};
  const std::string page = text_of(service(get("/")).body);
  const auto links = [&page] {
    std::vector<std::string> found;
    for (std::size_t at = page.find("href=\""); at != std::string::npos; at = page.find("href=\"", at + 1)) {
      found.push_back(page.substr(at + 6, page.find('"', at + 6) - at - 6));
    }
    return found;
  };
  EXPECT_EQ(links(),
            (std::vector<std::string>{"./a%20b&amp;%3Cc%3E", "./absolute", "./absolute-inside", "./back%5Cslash",
                                      "./chain", "./dangling", "./escape", "./escape2", "./fifo", "./indexed/",
                                      "./inside", "./kernel", "./loop", "./parent", "./sub/"}));
  EXPECT_NE(page.find(">a b&amp;&lt;c&gt;</a></td><td>3 B</td>"), std::string::npos) << page;
  EXPECT_EQ(page.find("../"), std::string::npos);
  EXPECT_NE(text_of(service(get("/sub/")).body).find("<a href=\"../\">"), std::string::npos);
}

TEST(FileService, AnIndexThatIsNoFile) {
  const Tree tree;
  make_directories(tree.root() / "odd" / "index.html");
  const Response response = FileService{tree.root()}(get("/odd/"));
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(text_of(response.body).find("href=\"./index.html/\""), std::string::npos);
}

TEST(FileService, ADirectoryThatIsNotThere) {
  try {
    const FileService service{"/no/such"};
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "opening the directory '/no/such': No such file or directory");
  }
}

TEST(ContentType, ByEnding) {
  EXPECT_EQ(content_type("x.HTML"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type("boot.ipxe"), "text/plain; charset=utf-8");
  EXPECT_EQ(content_type("snp.efi"), "application/efi");
  EXPECT_EQ(content_type("web-initrd.img"), "application/octet-stream");
  EXPECT_EQ(content_type("web-kernel"), "application/octet-stream");
}

}  // namespace
}  // namespace kiln::http
