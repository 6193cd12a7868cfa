#pragma once

#include <string>
#include <string_view>

namespace drawbar::cli {

/// Text as it may stand in HTML and in attributes: the five special characters as entities; what
/// is no UTF-8, and control characters, as U+FFFD.
std::string escaped(std::string_view text);

/// A figure in large type over the words that say what it is; both are text.
std::string tile(const std::string& figure, const std::string& words);

/// A box: its heading and a paragraph, both text, and what it shows, HTML.
std::string section(const std::string& heading, const std::string& words, const std::string& shown);

/// A table of such a head and such rows ("<tr>…</tr>"), HTML, that scrolls where it is too wide.
std::string table(const std::string& head, const std::string& rows, const std::string& foot = "");

/// A self-contained page without scripts, light or dark as the reader has it; HTML that is XML,
/// too. The title is text, the body HTML.
std::string page(const std::string& title, const std::string& body);

/// The last part of a path, as text for a heading.
std::string file_of(const std::string& path);

}  // namespace drawbar::cli
