--- console.overview: the first page: of each queue what waits, what runs, and its last hour.

local chart = require "watchbot.console.chart"
local html = require "watchbot.console.html"
local layout = require "watchbot.console.layout"
local scheduler = require "watchbot.scheduler"
local show = require "watchbot.console.show"

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
{problem?}
<dl class="tiles">{tiles}</dl>
<div class="charts">{charts}</div>
{running?}
]]

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

local function tiles_of(context, source)
  local figures = source.figures
  local amount, unit = show.duration(figures.oldest):match "^(%S+)(.*)$"
  return {
    tile { label = "Waiting", value = show.count(figures.visible),
      below = below { words = "can be received now" } },
    tile { label = "In flight", value = show.count(figures.in_flight),
      below = below { words = "running, or backing off" } },
    tile { label = "Delayed", value = show.count(figures.delayed),
      below = below { words = "were sent with a delay" } },
    tile { label = "Oldest", value = amount, unit = unit,
      below = below { words = "since it was sent" } },
    dead_tile(context, source),
  }
end

local function charts_of(source)
  local hour = source.hour:list(scheduler.time())
  local id = ("chart-%d-"):format(source.number)
  return {
    chart.bars {
      id = id .. "done", kind = "done", title = "Throughput", word = "finished", line = "sent",
      minutes = hour, why = source.since,
    },
    chart.bars {
      id = id .. "failed", kind = "failed", title = source.failures or "Failures",
      word = source.failed_word or "dead letters", minutes = hour, why = source.since,
    },
  }
end

local function inside_of(context, source)
  local what = next(source.figures) and "These numbers are old:" or "Nothing can be read:"
  return inside {
    number = source.number, name = source.name, url = source.shown,
    problem = source.problem and problem { what = what, words = source.problem },
    tiles = tiles_of(context, source), charts = charts_of(source),
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
