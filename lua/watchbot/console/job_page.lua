--- console.job_page: the page of one job: what is known of its message, and its attempts as a time
-- line with their output. It can be cancelled, and begun before its time.

local html = require "watchbot.console.html"
local job = require "watchbot.message.job"
local jobs = require "watchbot.console.jobs"
local layout = require "watchbot.console.layout"
local scheduler = require "watchbot.scheduler"
local show = require "watchbot.console.show"
local sorted = require "watchbot.lib.sorted"
local text = require "watchbot.lib.text"
local views = require "watchbot.console.views"

-- Bytes of a message, of an attribute, and of a subject as the title.
local WHOLE, VALUE, TITLE = 128 * 1024, 400, 120

local job_page = { live = true }

local content = html.template [[
<p class="crumbs"><a href="{back}">Jobs</a></p>
<h1 class="break">{subject}</h1>
<div data-region="job">{inside}</div>
{message?}
]]

local inside = html.template [[
<p class="lead">{state} {why?}</p>
{source?}
{actions?}
<dl class="facts">{facts}</dl>
<h2>Attempts</h2>
{attempts}
]]

local from_log = html.template [[
<p class="soft">From the log of the last {hours}, and the tasks of ECS: SQS itself cannot be asked
about a message. {problem?} {further?}</p>
]]
local further = html.template [[<a href="{link}">Look further back</a>]]

local message = html.template [[
<h2>Message</h2>
<p class="lead">{size}{more?}</p>
<pre class="body" tabindex="0" aria-label="Message">{bytes}</pre>
]]

local actions = html.template [[
<form method="post" action="{action}" class="actions">{stamp}
<input type="hidden" name="queue" value="{queue}"><input type="hidden" name="id" value="{id}">
{buttons}
</form>
]]
local retry_button = html.template
  [[<button type="submit" name="do" value="retry">Run it now</button>]]
local cancel_button = html.template
  [[<button type="submit" name="do" value="cancel" class="danger">Cancel it</button>]]
local to_letter = html.template
  [[<p class="actions"><a class="button" href="{link}">Replay or delete it</a></p>]]

-- attempts

local timeline = html.template [[
<p class="axis" aria-hidden="true"><span>{first}</span><span>{last}</span></p>
<ol class="attempts">{rows}</ol>
]]

local attempt = html.template [[
<li class="attempt {kind}">
<div class="head"><strong>{title}</strong> {state} <span class="soft">{words}</span></div>
<svg class="span" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
<rect class="track" width="1000" height="10"/>{wait?}<rect class="run" x="{x}" width="{width}"
height="10"/></svg>
<p class="soft">{facts}</p>
{output?}
</li>
]]
local wait_bar = html.template [[<rect class="wait" x="{x}" width="{width}" height="10"/>]]
local OUTPUTS = {
  [true] = html.template [[
<details id="output-{number}" open><summary>Output, the newest {size}</summary>
<pre class="body" tabindex="0" aria-label="Output of attempt {number}">{bytes}</pre></details>
]],
  [false] = html.template [[
<details id="output-{number}"><summary>Output, the newest {size}</summary>
<pre class="body" tabindex="0" aria-label="Output of attempt {number}">{bytes}</pre></details>
]],
}

-- The time that the page shows, and where a moment of it is, from 0 to 1000.
local function axis_of(one)
  local first, last = one.sent, scheduler.time()
  first = first or one.taken
  for _, ended in ipairs(one.attempts) do
    first = math.min(first or math.huge, ended.started or ended.ended)
  end
  local newest = one.attempts[#one.attempts]
  if one.state ~= "running" and one.state ~= "delayed" and one.state ~= "waiting" and newest then
    last = newest.ended
  end
  first = math.min(first or last, last - 1)
  return {
    first = first, last = last,
    at = function(moment)
      return math.max(0, math.min(1000, (moment - first) / (last - first) * 1000))
    end,
  }
end

local function bars_of(axis, started, ended, wait)
  local x = axis.at(started)
  local width = math.min(1000, math.max(4, axis.at(ended) - x))
  if x + width > 1000 then x = 1000 - width end
  local from = wait and wait > 0 and axis.at(started - wait)
  return ("%.1f"):format(x), ("%.1f"):format(width), from and x > from and wait_bar {
    x = ("%.1f"):format(from), width = ("%.1f"):format(x - from),
  }
end

local function facts_of_attempt(one)
  local facts = {}
  local function add(words, value) if value then facts[#facts + 1] = words:format(value) end end
  add("began %s", one.started and show.date(one.started))
  add("took %s", one.duration and show.precise(one.duration / 1000))
  add("waited %s", one.wait and show.precise(one.wait / 1000))
  add("memory %s", one.max_rss and show.size(one.max_rss))
  add("CPU %s", one.cpu and show.precise(one.cpu / 1000))
  return table.concat(facts, " · ")
end

local function output_of(one, newest)
  if not one.output or one.output == "" then return nil end
  return OUTPUTS[newest] {
    number = one.receives, size = show.size(#one.output), bytes = one.output,
  }
end

local DONE_OUTCOMES = { complete = true, success = true }

local function ended_row(axis, one, newest)
  local kind = DONE_OUTCOMES[one.outcome] and "done" or "failed"
  local x, width, wait = bars_of(axis, one.started or one.ended, one.ended, one.wait)
  return attempt {
    kind = kind, title = ("Attempt %d"):format(one.receives), state = views.state(kind),
    words = views.ending(one), x = x, width = width, wait = wait, facts = facts_of_attempt(one),
    output = output_of(one, newest),
  }
end

local function running_row(axis, one)
  local x, width = bars_of(axis, one.taken or axis.last, axis.last)
  return attempt {
    kind = "running", title = ("Attempt %d"):format(one.receives), state = views.state "running",
    words = one.taken and "for " .. show.duration((axis.last - one.taken) / 1000) or "",
    x = x, width = width, facts = one.taken and "began " .. show.date(one.taken) or "",
    output = one.current and output_of(one.current, true),
  }
end

local function attempts_of(one)
  local axis, rows = axis_of(one), {}
  for index, ended in ipairs(one.attempts) do
    rows[index] = ended_row(axis, ended, index == #one.attempts)
  end
  if one.state == "running" then rows[#rows + 1] = running_row(axis, one) end
  if #rows == 0 then
    return views.note("None is known: the first is yet to come, or the policy keeps no history.")
  end
  return timeline {
    first = show.date(axis.first), last = show.date(axis.last), rows = rows,
  }
end

-- the page

local function facts_of(one)
  local facts = { views.fact("ID", one.id or "–"),
    one.sent and views.fact("Sent", show.moment(one.sent)) or "",
    views.fact("Receives", show.count(one.receives)) }
  local function add(name, value)
    if value then facts[#facts + 1] = views.fact(name, value) end
  end
  add("Subject", one.subject and #one.subject > TITLE and text.cut(one.subject, VALUE))
  add("Group", one.group)
  add("Priority", one.priority and one.priority ~= 0 and tostring(one.priority))
  add("Due", one.due and show.moment(one.due))
  add("Died", one.died and show.moment(one.died))
  add("Deduplication ID", one.deduplication)
  add("ECS task", one.task)
  add("Trace", one.attempts[#one.attempts] and one.attempts[#one.attempts].trace)
  for _, name in ipairs(sorted.keys(one.attributes or {})) do
    local attribute = one.attributes[name]
    add(("Attribute %s (%s)"):format(name, attribute.type), text.cut(attribute.value, VALUE))
  end
  return facts
end

local BUTTONS = {
  waiting = { cancel_button }, running = { cancel_button },
  delayed = { retry_button, cancel_button },
}

local function actions_of(context, source, one)
  if not context.console.write or not one.id or not source.change_job then return nil end
  if one.state == "dead" then
    return to_letter {
      link = context:link("/dead-letter", "queue", source.number, "at", one.key:match "%d+$"),
    }
  end
  local buttons = {}
  for index, button in ipairs(BUTTONS[one.state] or {}) do buttons[index] = button {} end
  return #buttons > 0 and actions {
    action = context:link "/job/act", stamp = views.stamp(context), queue = source.number,
    id = one.id, buttons = buttons,
  }
end

-- Of SQS: how far back the log was read, and links to look further.
local function wanted_hours(context, source)
  local hours = context.form:number "hours"
  for _, one in ipairs(source.hours or {}) do
    if one == hours then return one end
  end
  return source.hours and source.hours[1]
end

local function further_of(context, source)
  local hours = wanted_hours(context, source)
  for _, one in ipairs(source.hours) do
    if one > hours then
      return further {
        link = context:link("/job", "queue", source.number, "id", context.form:one "id",
          "hours", one),
      }
    end
  end
end

local function source_of(context, source, one)
  if not source.hours then return nil end
  return from_log {
    hours = show.hours(wanted_hours(context, source)), further = further_of(context, source),
    problem = one.task_problem and ("The tasks cannot be seen: %s."):format(one.task_problem),
  }
end

-- A message that was not found in the log.
local function no_such_job(context, source)
  if not source.hours then
    return views.empty("No such job",
      "It has ended, and no history was kept of it, or the history has forgotten it.")
  elseif not source:has_log() then
    return views.empty("The log is not known", "Start the console with --stack NAME or "
      .. "--log-group NAME to find a message in the log.")
  end
  return views.join {
    views.empty("Nothing in the log", ("The log of the last %s has nothing of this message, and no "
      .. "task runs for it."):format(show.hours(wanted_hours(context, source)))),
    further_of(context, source) or "",
  }
end

local function inside_of(context, source, one)
  local why = jobs.why(one)
  return inside {
    source = source_of(context, source, one),
    state = views.state(one.state), why = why, actions = actions_of(context, source, one),
    facts = facts_of(one), attempts = attempts_of(one),
  }
end

local function message_of(one)
  if not one.message then return nil end
  local opened = job.new {
    id = one.id, body = one.message, subject = one.subject, attributes = one.attributes or {},
    receives = one.receives,
  }
  local bytes = opened.message
  return message {
    size = show.size(#bytes), bytes = text.cut(bytes, WHOLE),
    more = #bytes > WHOLE and (", of which the first %s are shown"):format(show.size(WHOLE)),
  }
end

--- The part of the page that changes.
---@param context watchbot.ConsoleContext
---@return table<string, watchbot.Html>
function job_page.regions(context)
  local source = context:source()
  local one = source.embedded and source:job(context.form:one "id" or "")
  return one and { job = inside_of(context, source, one) } or {}
end

---@param context watchbot.ConsoleContext
---@return watchbot.Html
---@return integer? status
function job_page.get(context)
  local source, one, err = context:source(), nil, nil
  if source.job then
    one, err = source:job(context.form:one "id" or "", wanted_hours(context, source))
  end
  local found = one and content {
    back = context:link("/jobs", "queue", source.number),
    subject = one.subject and show.line(one.subject, TITLE) or "(no subject)",
    inside = inside_of(context, source, one), message = message_of(one),
  }
  return layout.page(context, {
    title = "Job", path = "/jobs", live = source.embedded and found ~= nil and found ~= false,
    content = found or err and views.problem(err) or no_such_job(context, source),
  }), not found and (err and 503 or 404) or nil
end

-- actions

local DONE = {
  cancelled = { "good", "The job was cancelled." },
  asked = { "good", "The job is being cancelled: its watcher stops the task within seconds." },
  begun = { "good", "The job can be received now." },
  waiting = { "good", "The job waits already: it can be received now." },
  running = { "bad", "The job runs already." },
  gone = { "bad", "The job is no longer in the queue." },
}

--- Cancels a job, or begins one that is delayed.
---@param context watchbot.ConsoleContext
---@return nil
---@return integer|watchbot.HtmlLink
function job_page.act(context)
  local source, what, id = context:source(), context.form:one "do", context.form:one "id"
  if not id or not source.change_job or (what ~= "cancel" and what ~= "retry") then
    return nil, 400
  end
  local done, err = source:change_job(what, id)
  local told = DONE[done] or { "bad", ("Nothing was done: %s"):format(err) }
  context.console:note { source = source, what = what, count = done and 1 or 0, err = err }
  return nil, context:link("/job", "queue", source.number, "id", id,
    "told", context.console:tell { kind = told[1], words = told[2] })
end

return job_page
