#pragma once

#include <string>
#include <string_view>

namespace kiln::http {

// URLs as libcurl understands them, so that what we judge is what it will do.

/// scheme://host:port of a URL, for comparing origins; empty if it is none of HTTP.
std::string origin_of(const std::string& url);
/// host, or host:port if the URL names a port; empty if it is no URL.
std::string host_and_port(const std::string& url);
/// `location` as it stands in a reply to `base`. Throws Error if that is no URL.
std::string resolve_url(const std::string& base, const std::string& location);
/// Whether a URL's host is this machine: localhost, 127.0.0.0/8 or ::1.
bool is_loopback(const std::string& url);
/// For query strings.
std::string url_escape(std::string_view text);

}  // namespace kiln::http
