--- console.views: small parts that several pages have.

local html = require "watchbot.console.html"

local views = {}

local stamp = html.template [[<input type="hidden" name="stamp" value="{value}">]]
local empty = html.template [[<div class="empty"><h2>{title}</h2><p>{words}</p></div>]]
local problem = html.template [[<p class="problem" role="alert">{words}</p>]]
local fact = html.template [[<div><dt>{name}</dt><dd>{value}</dd></div>]]
local tabs = html.template
  [[<nav class="queues" aria-label="Queues"><ul>{links}</ul></nav>]]
local tab = html.template
  [[<li><a href="{link}" aria-current="{current}">{name}</a></li>]]

--- The field without which a form is refused.
---@param context watchbot.ConsoleContext
function views.stamp(context)
  return stamp { value = context.console.access.stamp }
end

--- Where there is nothing to show.
---@param title string
---@param words string
function views.empty(title, words) return empty { title = title, words = words } end

--- What could not be done.
---@param words string
function views.problem(words) return problem { words = words } end

--- A line of a list of names and values.
---@param name string
---@param value string|watchbot.Html
function views.fact(name, value) return fact { name = name, value = value } end

--- The queues to choose from, where there are several.
---@param context watchbot.ConsoleContext
---@param path string of the page
function views.tabs(context, path)
  local sources, links = context.console.sources, {}
  if #sources < 2 then return nil end
  for index, source in ipairs(sources) do
    links[index] = tab {
      link = context:link(path, "queue", source.number), name = source.name,
      current = source == context:source() and "page" or "false",
    }
  end
  return tabs { links = links }
end

return views
