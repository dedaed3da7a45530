--- console.layout: what all pages have in common: head, navigation, notices, footer.

local assets = require "watchbot.console.assets"
local html = require "watchbot.console.html"
local scheduler = require "watchbot.scheduler"
local show = require "watchbot.console.show"
local version = require "watchbot.version"

local layout = {}

local page = html.template [[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · watchbot</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="{style}">
<link rel="stylesheet" href="{tables}">
<script src="{script}" defer></script>
</head>
<body data-events="{events?}" data-base="{base?}">
<a class="skip" href="#main">Skip to content</a>
{header?}
<main id="main" tabindex="-1">
{notice?}
{content}
</main>
{footer?}
</body>
</html>
]]

local header = html.template [[
<header class="top">
<div class="bar">
<a class="brand" href="{home}"><img src="{icon}" alt="" width="26" height="26"> watchbot</a>
<nav aria-label="Pages"><ul>{links}</ul></nav>
<p class="mode">{mode}</p>
<button type="button" class="live" data-live hidden aria-pressed="true"><span class="dot"
aria-hidden="true"></span> <span data-live-label>Live</span></button>
</div>
</header>
]]

local tab = html.template [[
<li><a href="{link}" aria-current="{current}">{label}{badge?}</a></li>
]]

local badge = html.template [[ <span data-region="badge">{inside}</span>]]
local count = html.template [[
<span class="badge">{count}<span class="sr"> dead letters</span></span>
]]
local nothing = html.template ""

local footer = html.template [[
<footer>
<p>watchbot {version} · {calls}read at <time datetime="{machine}">{time}</time></p>
</footer>
]]

local notice = html.template [[
<div class="notice {kind}" role="status"><p>{words}</p></div>
]]

--- The address of a file of the console.
---@param context watchbot.ConsoleContext
---@param name string
---@return watchbot.HtmlLink
function layout.asset(context, name)
  return context:link("/" .. name, "v", assets.get(name).version)
end

local MODES = {
  [true] = html.template [[<span class="pill">Actions on</span>]],
  [false] = html.template [[<span class="pill quiet">Read-only</span>]],
}

--- The number of dead letters, in the navigation.
---@param context watchbot.ConsoleContext
---@return watchbot.Html
function layout.badge(context)
  local dead = context.console:dead()
  return dead > 0 and count { count = show.count(dead) } or nothing {}
end

local function header_of(context, current)
  local console, tabs = context.console, {}
  for index, one in ipairs(console.pages) do
    tabs[index] = tab {
      link = context:link(one.path), label = one.label,
      current = current == one.path and "page" or "false",
      badge = one.path == "/dead-letters" and badge { inside = layout.badge(context) },
    }
  end
  return header {
    home = context:link "/", icon = layout.asset(context, "icon.svg"), links = tabs,
    mode = MODES[console.write] {},
  }
end

local function footer_of(context)
  local calls = context.console:calls()
  return footer {
    version = version, calls = calls and calls .. " · " or "",
    machine = scheduler.iso_date(scheduler.time()), time = show.date(scheduler.time()),
  }
end

---@class watchbot.ConsolePage
---@field title string
---@field content watchbot.Html
---@field path string? of the page in the navigation
---@field live boolean? it has regions that change
---@field bare boolean? without navigation: nothing of the queues may be seen

--- A whole page.
---@param context watchbot.ConsoleContext
---@param parts watchbot.ConsolePage
---@return watchbot.Html
function layout.page(context, parts)
  local told = context.notice
  return page {
    title = parts.title, icon = layout.asset(context, "icon.svg"),
    style = layout.asset(context, "style.css"), tables = layout.asset(context, "tables.css"),
    script = layout.asset(context, "script.js"),
    header = not parts.bare and header_of(context, parts.path),
    footer = not parts.bare and footer_of(context),
    notice = told and notice { kind = told.kind, words = told.words },
    events = parts.live and context:events(),
    content = parts.content,
  }
end

return layout
