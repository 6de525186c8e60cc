#pragma once

#include "http/response.h"

namespace kiln::netboot {

/// The page that shows machines and systems (status_page.html): one file, which fetches nothing but this server's JSON.
/// Its own policy (CSP) allows exactly the style and script in it, so that nothing a machine says of itself can run.
http::Response status_page();

}  // namespace kiln::netboot
