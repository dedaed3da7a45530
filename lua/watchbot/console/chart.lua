--- console.chart: the last hour as bars, in SVG. Only the bars are drawn: labels are HTML, which
-- keeps its size when the chart is made narrow. A table next to it has the same numbers.

local html = require "watchbot.console.html"
local show = require "watchbot.console.show"

-- Minutes in a row of the table.
local STEP = 5

local chart = {}

local figure = html.template [[
<figure class="chart {kind}">
<figcaption><h3>{title}</h3><p class="now"><strong>{last}</strong> {of}{more?}</p></figcaption>
<div class="plot">
<span class="scale" aria-hidden="true">{peak}</span>
<svg viewBox="0 0 600 100" preserveAspectRatio="none" role="img" aria-label="{summary}">
<line class="grid" x1="0" x2="600" y1="0.5" y2="0.5"/>
<line class="grid" x1="0" x2="600" y1="50" y2="50"/>
<line class="base" x1="0" x2="600" y1="99.5" y2="99.5"/>
{unknown?}{bars}{line?}
</svg>
<span class="hours" aria-hidden="true"><span>1 hour ago</span><span>30 min</span><span>now</span>
</span>
</div>
<details id="{id}"><summary>Numbers</summary>
<table><thead><tr><th scope="col">From (UTC)</th>{heads}</tr></thead><tbody>{rows}</tbody></table>
</details>
</figure>
]]

local bar = html.template
  [[<rect x="{x}" y="{y}" width="8" height="{height}"><title>{words}</title></rect>]]
local gap = html.template [[
<rect class="unknown" x="0" y="0" width="{width}" height="100"><title>{why}</title></rect>
]]
local line = html.template [[<polyline points="{points}"/>]]
local key = html.template [[ · {word} <strong class="key">{value}</strong>]]
local head = html.template [[<th scope="col">{word}</th>]]
local row = html.template [[<tr><th scope="row">{time}</th>{cells}</tr>]]
local cell = html.template [[<td>{value}</td>]]

---@class watchbot.ConsoleChart
---@field id string
---@field kind "done"|"failed"
---@field title string
---@field word string what a bar counts: "finished"
---@field minutes watchbot.ConsoleMinute[]
---@field line string? a second name, drawn as a line
---@field why string? of what is not known

local function clock(minute)
  return os.date("!%H:%M", minute * 60)
end

-- The next number above that reads well on an axis.
local function round_up(value)
  if value <= 4 then return math.max(1, math.ceil(value)) end
  local power = 10 ^ math.floor(math.log(value, 10))
  for _, step in ipairs { 1, 1.5, 2, 3, 4, 5, 6, 8, 10 } do
    if step * power >= value then return step * power end
  end
end

local function highest(spec, name)
  local most = 0
  for _, one in ipairs(spec.minutes) do most = math.max(most, name and one[name] or 0) end
  return most
end

local function bars_of(spec, top)
  local bars = {}
  for index, one in ipairs(spec.minutes) do
    local value = one[spec.kind]
    if value and value > 0 then
      local height = math.max(2, value / top * 100)
      bars[#bars + 1] = bar {
        x = index * 10 - 9, y = ("%.1f"):format(100 - height), height = ("%.1f"):format(height),
        words = ("%s UTC: %s %s"):format(clock(one.minute), show.count(value), spec.word),
      }
    end
  end
  return bars
end

local function line_of(spec, top)
  local points = {}
  for index, one in ipairs(spec.minutes) do
    local value = one[spec.line]
    if value then
      points[#points + 1] = ("%d,%.1f"):format(index * 10 - 5, 100 - value / top * 100)
    end
  end
  return #points > 1 and line { points = table.concat(points, " ") }
end

local function unknown_of(spec)
  for index, one in ipairs(spec.minutes) do
    if one[spec.kind] then
      return index > 1 and gap { width = (index - 1) * 10, why = spec.why or "not known" }
    end
  end
end

local function sum(spec, first, name)
  local total
  for index = first, first + STEP - 1 do
    local value = spec.minutes[index][name]
    total = value and (total or 0) + value or total
  end
  return total
end

local function rows_of(spec)
  local rows = {}
  for first = 1, #spec.minutes, STEP do
    local cells = { cell { value = show.count(sum(spec, first, spec.kind)) } }
    if spec.line then cells[2] = cell { value = show.count(sum(spec, first, spec.line)) } end
    rows[#rows + 1] = row { time = clock(spec.minutes[first].minute), cells = cells }
  end
  return rows
end

-- The last minute is not over: the one before it is a whole one.
local function last_of(spec, name)
  return spec.minutes[#spec.minutes - 1][name] or spec.minutes[#spec.minutes][name]
end

--- Draws the last hour.
---@param spec watchbot.ConsoleChart
---@return watchbot.Html
function chart.bars(spec)
  local most, total = highest(spec, spec.kind), 0
  for _, one in ipairs(spec.minutes) do total = total + (one[spec.kind] or 0) end
  local top = round_up(math.max(most, highest(spec, spec.line)))
  local heads = { head { word = spec.word } }
  if spec.line then heads[2] = head { word = spec.line } end
  return figure {
    id = spec.id, kind = spec.kind, title = spec.title,
    last = show.count(spec.line and last_of(spec, spec.kind) or total),
    of = spec.line and "in the last minute" or "in the last hour",
    more = spec.line and key { word = spec.line, value = show.count(last_of(spec, spec.line)) },
    peak = show.count(top), unknown = unknown_of(spec), bars = bars_of(spec, top),
    line = spec.line and line_of(spec, top), heads = heads, rows = rows_of(spec),
    summary = ("%s of the last hour: %s %s, at most %s in a minute"):format(spec.title,
      show.count(total), spec.word, show.count(most)),
  }
end

return chart
