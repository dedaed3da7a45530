--- console.jobs: the list of jobs: what runs, waits, is delayed, is dead, and what has ended.

local html = require "watchbot.console.html"
local layout = require "watchbot.console.layout"
local scheduler = require "watchbot.scheduler"
local show = require "watchbot.console.show"
local views = require "watchbot.console.views"

-- Jobs of a page, and bytes of a message in a row.
local PAGE, ROW = 50, 400

local jobs = { path = "/jobs", label = "Jobs", live = true }

-- As they are chosen from; `counted`: the overview's figure of this name.
local STATES = {
  { "", "All" }, { "running", "Running", counted = true },
  { "waiting", "Waiting", counted = true }, { "delayed", "Delayed", counted = true },
  { "failed", "Failed" }, { "done", "Done" }, { "dead", "Dead", counted = true },
}

local content = html.template [[
<div class="heading"><h1>Jobs</h1>{tabs?}</div>
<p class="lead">{lead}</p>
<nav class="states" aria-label="States"><ul data-region="states">{states}</ul></nav>
<form class="filter" method="get" action="{here}" role="search">
<input type="hidden" name="queue" value="{queue}">
<input type="hidden" name="state" value="{state?}">
<label for="match">Text in ID, subject, message, group, reason or output</label>
<div class="row"><input id="match" name="match" type="search" value="{match?}" autocomplete="off">
<button type="submit">Search</button>{clear?}</div>
</form>
<div data-region="jobs">{body}</div>
]]

local unlisted = html.template [[<div class="heading"><h1>Jobs</h1>{tabs?}</div>{words}{find?}]]
local find = html.template [[
<form class="filter" method="get" action="{action}" role="search">
<input type="hidden" name="queue" value="{queue}">
<label for="id">Message ID, to find its attempts and their output in the log</label>
<div class="row"><input id="id" name="id" type="search" autocomplete="off" required>
<label class="sr" for="hours">How far back</label>
<select id="hours" name="hours">{hours}</select>
<button type="submit">Find</button></div>
</form>
<p class="soft">Each search takes a few calls of CloudWatch Logs and ECS; the foot of the page
counts them.</p>
]]
local hours_of = html.template [[<option value="{hours}">{words}</option>]]
local clear = html.template [[ <a class="button" href="{link}">Show all</a>]]
local state_link = html.template [[
<li><a href="{link}" aria-current="{current}">{label}{count?}</a></li>
]]
local count_of = html.template [[ <span class="count">{count}</span>]]

local list = html.template [[
<div class="scroll"><table class="list">
<caption class="sr">Jobs</caption>
<thead><tr><th scope="col">Message</th><th scope="col">State</th>
<th scope="col" class="number">Attempt</th><th scope="col">When</th></tr></thead>
<tbody>{rows}</tbody></table></div>
{pages?}
]]

local row = html.template [[
<tr><td class="what"><a href="{link}">{subject}</a>
<p class="excerpt">{excerpt?}</p><p class="id">{id}{group?}</p></td>
<td class="reason" data-label="State">{state} {why?}</td>
<td class="number" data-label="Attempt">{receives}</td>
<td class="when" data-label="When">{when}</td></tr>
]]

local when = html.template [[{word} {time}]]

local pages = html.template [[
<nav class="pages" aria-label="Pages of jobs">{first?} {next?}</nav>
]]
local page_link = html.template [[<a class="button" href="{link}">{label}</a>]]

-- rows

-- When something happened, or will, by state.
local function when_of(one)
  local age = (scheduler.time() - (one.taken or one.sent or one.ended or 0)) / 1000
  if one.state == "running" then
    return when { word = "for", time = one.taken and show.duration(age) or "–" }
  elseif one.state == "delayed" then
    return when { word = "due", time = show.time(one.due) }
  elseif one.state == "waiting" then
    return when { word = "sent", time = show.time(one.sent) }
  elseif one.state == "dead" then
    return when { word = "died", time = show.time(one.died) }
  end
  return when { word = "ended", time = show.time(one.ended) }
end

--- Why a job is in its state, in words; nil if that needs none.
---@param one watchbot.JobRow
---@return string?
function jobs.why(one)
  if one.cancelling then return "is being cancelled" end
  if one.behind then return "behind another one of its group" end
  if one.held then return one.held == "pause" and "its group is paused" or "over a limit" end
  if one.state == "done" or one.state == "failed" then
    local took = one.duration and (" · took %s"):format(show.precise(one.duration / 1000)) or ""
    return views.ending(one) .. took
  end
  return one.reason and show.line(one.reason, ROW)
end

local function row_of(context, source, one)
  return row {
    link = context:link("/job", "queue", source.number, "id", one.id),
    subject = one.subject and show.line(one.subject, ROW) or "(no subject)",
    excerpt = one.message and show.line(one.message, ROW), id = one.id or "(content lost)",
    group = one.group and " · group " .. show.line(one.group, 128), state = views.state(one.state),
    why = jobs.why(one), receives = show.count(one.receives), when = when_of(one),
  }
end

-- the page

local EMPTY = {
  [""] = "The queue is empty, and it keeps no history of what has ended.",
  running = "No watcher works on a message now.", waiting = "No message waits.",
  delayed = "No message is delayed or backs off.", dead = "No message failed too often.",
}

local function nothing(source, state, match)
  if match then return views.empty("No job matches", "Nothing of these jobs has this text.") end
  local words = EMPTY[state]
  if (source.figures.history or 0) > 0 then
    words = words and state ~= "" and words or "Nothing like that in the history."
  elseif state == "done" or state == "failed" then
    words = "Jobs that ended are kept where the policy has a history, such as history = 7 * 86400."
  end
  return views.empty("No jobs", words)
end

local function filter_of(context)
  local state = context.form:one "state" or ""
  local known = false
  for _, one in ipairs(STATES) do known = known or one[1] == state end
  if not known then state = "" end
  return {
    state = state, match = context.form:one "match", at = context.form:one "at",
    filter = {
      states = state ~= "" and { state } or nil, match = context.form:one "match",
      cursor = context.form:one "at", limit = PAGE,
    },
  }
end

local function pages_of(context, source, wanted, found)
  local function link(at)
    return context:link("/jobs", "queue", source.number, "state", wanted.state,
      "match", wanted.match, "at", at)
  end
  if not (found.next or wanted.at) then return nil end
  return pages {
    first = wanted.at and page_link { link = link(), label = "First page" },
    next = found.next and page_link { link = link(found.next), label = "Next page" },
  }
end

local function body_of(context, wanted)
  local source = context:source()
  local found, err = source:jobs(wanted.filter)
  if not found then return views.problem(err) end
  if #found.rows == 0 then return nothing(source, wanted.state, wanted.match) end
  local rows = {}
  for index, one in ipairs(found.rows) do rows[index] = row_of(context, source, one) end
  return list { rows = rows, pages = pages_of(context, source, wanted, found) }
end

local function states_of(context, wanted)
  local links, source = {}, context:source()
  for index, one in ipairs(STATES) do
    local count = one.counted and source.figures[one[1]]
    links[index] = state_link {
      link = context:link("/jobs", "queue", source.number, "state", one[1],
        "match", wanted.match),
      label = one[2], current = one[1] == wanted.state and "page" or "false",
      count = count and count_of { count = show.count(count) },
    }
  end
  return links
end

--- The parts of the page that change, by name. A search, and what is not the first page, stay.
---@param context watchbot.ConsoleContext
---@return table<string, watchbot.Html>
function jobs.regions(context)
  local wanted = filter_of(context)
  local regions = { states = views.join(states_of(context, wanted)) }
  if not wanted.match and not wanted.at then
    regions.jobs = views.join { body_of(context, wanted) }
  end
  return regions
end

local NO_LOG = " To find one message in the log, start the console with --stack NAME or "
  .. "--log-group NAME."

-- Messages that cannot be listed may be found by their ID, in the log.
local function finder_of(context, source)
  if not source:has_log() then return nil end
  local hours = {}
  for index, count in ipairs(source.hours) do
    hours[index] = hours_of { hours = count, words = "last " .. show.hours(count) }
  end
  return find { action = context:link "/job", queue = source.number, hours = hours }
end

local function without_list(context, source)
  return layout.page(context, {
    title = "Jobs", path = jobs.path,
    content = unlisted {
      tabs = views.tabs(context, "/jobs"), words = views.empty("SQS does not list messages",
        "A message is only shown to the program that receives it. The dead letters can be read "
        .. "here." .. (source:has_log() and "" or NO_LOG)),
      find = finder_of(context, source),
    },
  })
end

---@param context watchbot.ConsoleContext
---@return watchbot.Html
function jobs.get(context)
  local source, wanted = context:source(), filter_of(context)
  if not source.jobs then return without_list(context, source) end
  return layout.page(context, {
    title = "Jobs", path = jobs.path, live = true, content = content {
      tabs = views.tabs(context, "/jobs"), here = context:link "/jobs", queue = source.number,
      lead = ("Messages of %s, and attempts that ended."):format(source.name),
      states = states_of(context, wanted), state = wanted.state, match = wanted.match,
      clear = wanted.match and clear {
        link = context:link("/jobs", "queue", source.number, "state", wanted.state),
      },
      body = body_of(context, wanted),
    },
  })
end

return jobs
