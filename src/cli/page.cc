#include "cli/page.h"

#include "base/error.h"

namespace drawbar::cli {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --page: #f7f7f5; --card: #ffffff; --ink: #1c1c1a;
  --quiet: #66655f; --line: #e3e2dd; --roof: #8b8a83; --warn: #fbe9e7;
  --op1: #2a78d6; --op2: #1baf7a; --op3: #e39a00; --op4: #7a5fd0;
  --op5: #e34948; --op6: #0f8fa8; --op0: #9a9992; }
@media (prefers-color-scheme: dark) { :root { --page: #161614; --card: #20201e; --ink: #f0efea;
  --quiet: #a3a29a; --line: #363632; --roof: #8b8a83; --warn: #4a2522; --op1: #4a93e8;
  --op2: #22b583; --op3: #d69a1c; --op4: #9a86ea; --op5: #ea6a69; --op6: #2aa9c2;
  --op0: #84837c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 32px 20px 64px; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 2px; }
p { margin: 0 0 12px; color: var(--quiet); max-width: 105ch; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 20px; margin-top: 16px; }
.warning { background: var(--warn); }
.warning p { color: var(--ink); margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin-top: 20px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 12px 16px; }
.tile b { display: block; font-size: 22px; font-weight: 600; line-height: 1.3; }
.tile span { color: var(--quiet); font-size: 13px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin-bottom: 8px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 50%;
  margin-right: 6px; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif;
  fill: var(--ink); }
.grid { stroke: var(--line); }
.through { fill: none; stroke: var(--roof); }
.tick, .axis, text.roof, .quiet { fill: var(--quiet); }
line.roof { stroke: var(--roof); stroke-width: 1.5; }
line.peak { stroke: var(--ink); stroke-width: 2; }
text.peak { font-weight: 600; }
text.roof { font-size: 11px; }
.dot { fill-opacity: .75; stroke: var(--card); stroke-width: 1.5; }
.dot:hover { fill-opacity: 1; stroke: var(--ink); }
.bar { fill-opacity: .3; }
g:hover .bar { fill-opacity: .5; }
.op1 { fill: var(--op1); background: var(--op1); }
.op2 { fill: var(--op2); background: var(--op2); }
.op3 { fill: var(--op3); background: var(--op3); }
.op4 { fill: var(--op4); background: var(--op4); }
.op5 { fill: var(--op5); background: var(--op5); }
.op6 { fill: var(--op6); background: var(--op6); }
.op0 { fill: var(--op0); background: var(--op0); }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; width: 100%; }
th, td { text-align: left; padding: 4px 10px; border-top: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; border-top: 0; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.small { color: var(--quiet); }
tfoot td { font-weight: 600; }
)";

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    size_t length = byte < 0x80                   ? 1
                    : byte >= 0xC2 && byte < 0xE0 ? 2
                    : byte >> 4 == 0xE            ? 3
                    : byte >= 0xF0 && byte < 0xF5 ? 4
                                                  : 0;
    if (i + length > text.size()) length = 0;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) length = 0;
    }
    const std::string_view one = text.substr(i, std::max<size_t>(length, 1));
    i += one.size();
    if (length == 0 || (byte < 0x20 && byte != '\n') || byte == 0x7F) {
      result += "\xEF\xBF\xBD";
    } else if (one == "&") {
      result += "&amp;";
    } else if (one == "<") {
      result += "&lt;";
    } else if (one == ">") {
      result += "&gt;";
    } else if (one == "\"") {
      result += "&quot;";
    } else if (one == "'") {
      result += "&#39;";
    } else {
      result += one;
    }
  }
  return result;
}

std::string tile(const std::string& figure, const std::string& words) {
  return "<div class='tile'><b>" + escaped(figure) + "</b><span>" + escaped(words) +
         "</span></div>\n";
}

std::string section(const std::string& heading, const std::string& words,
                    const std::string& shown) {
  return fmt::format("<section>\n<h2>{}</h2>\n<p>{}</p>\n{}</section>\n", escaped(heading),
                     escaped(words), shown);
}

std::string table(const std::string& head, const std::string& rows, const std::string& foot) {
  return fmt::format(
      "<div class='table'><table><thead>{}</thead>\n<tbody>\n{}</tbody>\n{}</table></div>\n", head,
      rows, foot.empty() ? "" : "<tfoot>" + foot + "</tfoot>");
}

std::string page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'/>\n"
      "<meta name='viewport' content='width=device-width, initial-scale=1'/>\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
      escaped(title), style, body);
}

std::string file_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace drawbar::cli
