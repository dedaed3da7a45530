--- console.overview: the first page: of each queue what waits, what runs, and its last hour.

local chart = require "watchbot.console.chart"
local html = require "watchbot.console.html"
local layout = require "watchbot.console.layout"
local once = require "watchbot.queue.sqlite.once"
local schedule = require "watchbot.schedule"
local scheduler = require "watchbot.scheduler"
local show = require "watchbot.console.show"
local views = require "watchbot.console.views"

-- Running jobs that are named.
local NAMED = 6

local overview = { path = "/", label = "Overview", live = true }

local content = html.template [[
<h1 class="sr">Overview</h1>
{queues}
]]

local section = html.template [[
<section class="queue" data-region="queue-{number}" aria-labelledby="queue-{number}-name">
{inside}
</section>
]]

local inside = html.template [[
<div class="heading"><h2 id="queue-{number}-name">{name}</h2><p class="url">{url}</p></div>
{problem?}{paused?}
<dl class="tiles">{tiles}</dl>
<div class="charts">{charts}</div>
<div class="pair">{running}{failed}</div>
{watchers}{schedules?}{lanes?}{once?}
]]

local paused = html.template [[
<p class="paused"><strong>Paused:</strong> {words}</p>
]]

local block = html.template [[
<div class="block {kind?}"><h3>{title}</h3>{body}{more?}</div>
]]

local note = html.template [[<p class="lead">{words}</p>]]

local running_table = html.template [[
<table class="compact"><thead><tr><th scope="col">Job</th>
<th scope="col" class="number">Attempt</th><th scope="col" class="number">For</th></tr></thead>
<tbody>{rows}</tbody></table>
]]

local running_row = html.template [[
<tr><td><a class="break" href="{link}">{subject?} <span class="excerpt one">{excerpt}</span></a>
</td><td class="number">{receives}</td><td class="number when">{age}</td></tr>
]]

local failed_table = html.template [[
<table class="compact failures"><thead><tr><th scope="col">Job</th>
<th scope="col">Why</th><th scope="col" class="number">When</th></tr></thead>
<tbody>{rows}</tbody></table>
]]

local failed_row = html.template [[
<tr><td><a class="break" href="{link}">{subject?} <span class="excerpt one">{excerpt?}</span></a>
</td><td class="break">{why}</td><td class="number when">{when}</td></tr>
]]

local watcher_table = html.template [[
<table class="compact"><thead><tr><th scope="col">Watcher</th>
<th scope="col" class="number">Running</th><th scope="col">Seen</th></tr></thead>
<tbody>{rows}</tbody></table>
]]

local watcher_row = html.template [[
<tr><td><span class="break">{host}</span> <span class="id">pid {pid} · {version} · up
{age}{policy?}</span>
</td><td class="number">{running} of {workers}</td><td class="when">{seen}</td></tr>
]]

local schedule_table = html.template [[
<table class="compact"><thead><tr><th scope="col">Schedule</th><th scope="col">Rule</th>
<th scope="col" class="when">Last</th><th scope="col" class="when">Next</th></tr></thead>
<tbody>{rows}</tbody></table>
]]

local schedule_row = html.template [[
<tr><td class="break">{name}</td><td class="break">{rule}</td><td class="when">{last}</td>
<td class="when">{next}</td></tr>
]]

local lane_table = html.template [[
<table class="compact"><thead><tr><th scope="col">Limit</th>
<th scope="col" class="number">Running</th><th scope="col" class="number">Waiting for it</th>
</tr></thead><tbody>{rows}</tbody></table>
]]

local lane_row = html.template [[
<tr><td class="break">{lane}</td><td class="number">{running}</td>
<td class="number">{waiting}</td></tr>
]]

local all_running = html.template [[<p><a href="{link}">All {count} running jobs</a></p>]]

local tile = html.template [[
<div class="tile {kind?}"><dt>{label}</dt><dd>{value}<small>{unit?}</small></dd>{below?}</div>
]]

local below = html.template [[<dd class="below">{words}</dd>]]
local to_letters = html.template
  [[<dd class="below"><a href="{link}">{words}<span class="sr"> of {name}</span></a></dd>]]
local problem = html.template
  [[<p class="problem" role="alert"><strong>{what}</strong> {words}</p>]]

local function dead_tile(context, source)
  local dead = source.figures.dead
  return tile {
    label = "Dead letters", value = show.count(dead), kind = dead and dead > 0 and "bad",
    below = to_letters {
      link = context:link("/dead-letters", "queue", source.number), name = source.name,
      words = (dead or 0) > 0 and "read, replay" or "look",
    },
  }
end

local function job_tile(context, source, state, label, words)
  local count = source.figures[state]
  label = source.labels and source.labels[state] or label
  if not source.jobs then
    return tile { label = label, value = show.count(count), below = below { words = words } }
  end
  return tile {
    label = label, value = show.count(count),
    below = to_letters {
      link = context:link("/jobs", "queue", source.number, "state", state), name = source.name,
      words = words,
    },
  }
end

local function tiles_of(context, source)
  local amount, unit = show.duration(source.figures.oldest):match "^(%S+)(.*)$"
  return {
    job_tile(context, source, "waiting", "Waiting", "can be received now"),
    job_tile(context, source, "running", "Running", "a watcher has them"),
    job_tile(context, source, "delayed", "Delayed", "sent so, or backing off"),
    tile { label = "Oldest", value = amount, unit = unit,
      below = below { words = "since it was sent" } },
    dead_tile(context, source),
  }
end

local function charts_of(source)
  local hour, words = source.hour:list(scheduler.time()), source.words
  local id = ("chart-%d-"):format(source.number)
  return {
    chart.bars {
      id = id .. "done", kind = "done", title = "Throughput", word = "finished", line = "sent",
      minutes = hour,
    },
    chart.bars {
      id = id .. "failed", kind = "failed", title = words.failures, word = words.failed,
      minutes = hour,
    },
  }
end

-- what runs, and who runs it

-- What runs, as the queue says it; where it cannot, what this watcher runs. What a watcher writes
-- to the file about itself is some seconds old: its own console knows better. => rows, watchers
local function lists_of(source)
  local running = source.running
  if not source.itself then return running, source.watchers end
  local here, itself = source.itself(source.number)
  local watchers = { itself }
  for _, one in ipairs(source.watchers) do
    if one.id ~= itself.id then watchers[#watchers + 1] = one end
  end
  if not source.jobs then running = table.move(here, 1, NAMED, 1, {}) end
  return running, watchers
end

local function running_of(context, source)
  local rows, now = {}, scheduler.time()
  for index, row in ipairs((lists_of(source))) do
    rows[index] = running_row {
      link = context:link("/job", "queue", source.number, "id", row.id),
      subject = row.subject and show.line(row.subject, 100), receives = show.count(row.receives),
      excerpt = show.line(row.message or "", 120),
      age = row.taken and show.duration((now - row.taken) / 1000) or "–",
    }
  end
  local count = source.figures.running or 0
  return block {
    title = "Running now",
    body = #rows > 0 and running_table { rows = rows }
      or note { words = source.unlisted or "Nothing runs." },
    more = count > #rows and #rows > 0 and all_running {
      link = context:link("/jobs", "queue", source.number, "state", "running"),
      count = show.count(count),
    },
  }
end

local function failed_of(context, source)
  local rows = {}
  for index, row in ipairs(source.failed) do
    rows[index] = failed_row {
      link = context:link("/job", "queue", source.number, "id", row.id),
      subject = row.subject and show.line(row.subject, 100),
      excerpt = show.line(row.message or (row.id or ""):sub(1, 8), 120),
      why = row.ended and views.ending(row) or row.reason or "received too often",
      when = show.time(row.ended or row.died),
    }
  end
  return block {
    title = "Newest failures",
    body = #rows > 0 and failed_table { rows = rows }
      or note { words = source.unlisted_failures or "Nothing has failed." },
  }
end

local NO_WATCHER = "No watcher is alive: messages wait until one is started (watchbot run)."

local function watchers_of(source)
  local rows, now = {}, scheduler.time()
  for index, one in ipairs((select(2, lists_of(source)))) do
    rows[index] = watcher_row {
      host = one.host, pid = ("%d"):format(one.pid), version = one.version,
      policy = one.policy and " · policy " .. one.policy,
      age = show.duration((now - one.started) / 1000), running = show.count(one.running),
      workers = show.count(one.workers), seen = show.time(one.seen),
    }
  end
  return block {
    title = "Watchers alive", kind = "wide",
    body = #rows > 0 and watcher_table { rows = rows }
      or note { words = source.alone or NO_WATCHER },
  }
end

-- A block of the lists that most queues do not have.
local function list_of(title, list, whole, row, values)
  local rows = {}
  for index, one in ipairs(list or {}) do rows[index] = row(values(one)) end
  return #rows > 0 and block { title = title, kind = "wide", body = whole { rows = rows } }
end

-- When a schedule was due last and is due next. One that was only seen has the time of that in the
-- file, which is not a tick.
local function ticks_of(row)
  local one, now = schedule.of_rule(row.name, row.rule), scheduler.time() // 1000
  if not one then return row.last end
  return one:latest(row.last - 1, row.last), one:next(now)
end

local function schedules_of(source)
  return list_of("Schedules", source.schedules, schedule_table, schedule_row, function(one)
    local last, due = ticks_of(one)
    return {
      name = one.name, rule = one.rule, last = show.time(last and last * 1000),
      next = show.time(due and due * 1000),
    }
  end)
end

local function lanes_of(source)
  return list_of("Limits that hold messages back", source.lanes, lane_table, lane_row,
    function(one)
      return {
        lane = one.lane, running = show.count(one.running), waiting = show.count(one.waiting),
      }
    end)
end

-- Why a message with one of these keys disappears without a run.
local function once_of(source)
  local done = source.once
  if not done or done.count == 0 then return nil end
  return block {
    title = "Keys that have run once", kind = "wide", body = note {
      words = ("%s%s: a message with one of them is deleted without a run. The first expires on "
        .. "%s."):format(done.count >= once.COUNTED and "at least " or "",
        show.counted(done.count, "key"), show.date(done.first)),
    },
  }
end

local function paused_of(source)
  local words = {}
  for index, one in ipairs(source.pauses) do
    local what = one.group and ("group %s"):format(one.group) or "the whole queue"
    words[index] = one.ends and ("%s, until %s"):format(what, show.date(one.ends)) or what
  end
  return #words > 0 and paused { words = table.concat(words, "; ") }
end

local function inside_of(context, source)
  local what = next(source.figures) and "These numbers are old:" or "Nothing can be read:"
  return inside {
    number = source.number, name = source.name, url = source.shown,
    problem = source.problem and problem { what = what, words = source.problem },
    paused = paused_of(source), tiles = tiles_of(context, source), charts = charts_of(source),
    running = running_of(context, source), failed = failed_of(context, source),
    watchers = watchers_of(source), schedules = schedules_of(source), lanes = lanes_of(source),
    once = once_of(source),
  }
end

--- The parts of the page that change, by name.
---@param context watchbot.ConsoleContext
---@return table<string, watchbot.Html>
function overview.regions(context)
  local regions = {}
  for _, source in ipairs(context.console.sources) do
    regions["queue-" .. source.number] = inside_of(context, source)
  end
  return regions
end

---@param context watchbot.ConsoleContext
---@return watchbot.Html
function overview.get(context)
  local regions, queues = overview.regions(context), {}
  for index, source in ipairs(context.console.sources) do
    queues[index] = section {
      number = source.number, inside = regions["queue-" .. source.number],
    }
  end
  return layout.page(context, {
    title = "Overview", path = overview.path, live = true, content = content { queues = queues },
  })
end

return overview
