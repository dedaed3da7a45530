--- console.views: small parts that several pages have.

local html = require "watchbot.console.html"
local show = require "watchbot.console.show"

local views = {}

local stamp = html.template [[<input type="hidden" name="stamp" value="{value}">]]
local empty = html.template [[<div class="empty"><h2>{title}</h2><p>{words}</p></div>]]
local problem = html.template [[<p class="problem" role="alert">{words}</p>]]
local fact = html.template [[<div><dt>{name}</dt><dd>{value}</dd></div>]]
local tabs = html.template
  [[<nav class="queues" aria-label="Queues"><ul>{links}</ul></nav>]]
local tab = html.template
  [[<li><a href="{link}" aria-current="{current}">{name}</a></li>]]

local state = html.template [[<span class="state {name}">{label}</span>]]
local note = html.template [[<p class="lead">{words}</p>]]
local joined = html.template "{parts}"

local STATES = {
  running = "running", waiting = "waiting", delayed = "delayed", done = "done", failed = "failed",
  dead = "dead",
}

--- The state of a job, as a word with its color.
---@param name watchbot.JobState
function views.state(name) return state { name = name, label = STATES[name] } end

--- A remark.
---@param words string
function views.note(words) return note { words = words } end

--- Parts in one.
---@param parts watchbot.Html[]
---@return watchbot.Html
function views.join(parts) return joined { parts = parts } end

local ENDINGS = {
  complete = "completed", retry = "to be retried", reject = "rejected", release = "released",
  bury = "given up", cancelled = "cancelled",
}

--- How an attempt ended: "exit code 1, to be retried".
---@param one watchbot.Attempt
---@return string
function views.ending(one)
  if one.outcome == "interrupted" then
    return one.reason and "interrupted: " .. show.line(one.reason, 300) or "interrupted"
  end
  local words = ENDINGS[one.outcome] or one.outcome
  local why = one.signal and ("signal %s"):format(one.signal)
    or one.code and one.code ~= 0 and ("exit code %d"):format(one.code)
    or one.reason and show.line(one.reason, 300)
  return why and ("%s, %s"):format(why, words) or words
end

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
