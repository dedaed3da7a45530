local chart = require "watchbot.console.chart"
local minutes = require "watchbot.console.minutes"

local NOON = 29000000 * 60000

local function drawn(hour, more)
  local spec = {
    id = "c", kind = "done", title = "Throughput", word = "finished", minutes = hour:list(NOON),
  }
  for name, value in pairs(more or {}) do spec[name] = value end
  return chart.bars(spec).bytes
end

-- The heights of the bars, in percent.
local function heights(svg)
  local all = {}
  for height in svg:gmatch 'width="8" height="([%d.]+)"' do all[#all + 1] = tonumber(height) end
  return all
end

describe("a chart", function()
  it("has a bar for each minute, as high as its share of the scale", function()
    local hour = minutes.new()
    hour:add("done", 50, NOON - 60000)
    hour:add("done", 100, NOON)
    local svg = drawn(hour)
    assert.are.same({ 50, 100 }, heights(svg))
    assert.matches('<span class="scale" aria-hidden="true">100</span>', svg, 1, true)
    assert.matches('x="591"', svg, 1, true)
  end)

  it("says in words what it shows, for those who do not see it", function()
    local hour = minutes.new()
    hour:add("done", 1200, NOON - 60000)
    hour:add("done", 7, NOON)
    assert.matches('aria-label="Throughput of the last hour: 1,207 finished, at most 1,200 in a '
      .. 'minute"', drawn(hour), 1, true)
  end)

  it("has the same numbers in a table of five minutes", function()
    local hour = minutes.new()
    for index = 0, 9 do
      hour:add("done", 2, NOON - index * 60000)
      hour:add("sent", 3, NOON - index * 60000)
    end
    local svg = drawn(hour, { line = "sent" })
    local _, rows = svg:gsub('<tr><th scope="row">', "")
    assert.are.equal(12, rows)
    assert.matches("<td>10</td><td>15</td></tr>[^<]*</tbody>", svg)
    assert.matches("<td>–</td><td>–</td>", svg, 1, true)
    assert.matches('<polyline points="505,', svg, 1, true)
  end)

  it("marks what is not known", function()
    local hour = minutes.new()
    hour:add("done", 0, NOON)
    assert.matches('class="unknown" x="0" y="0" width="590"', drawn(hour), 1, true)
    hour:replace("done", {}, NOON)
    assert.is_nil(drawn(hour):find("unknown", 1, true))
    assert.are.same({}, heights(drawn(hour)))
  end)

  -- A single failure among many minutes must be seen.
  it("shows even the smallest bar", function()
    local hour = minutes.new()
    hour:add("done", 1000000, NOON - 60000)
    hour:add("done", 1, NOON)
    assert.is_true(heights(drawn(hour))[2] >= 2)
  end)
end)
