local date = require "watchbot.lib.date"
local shell = require "support.shell"
local zone = require "watchbot.schedule.zone"

local NAMES = {
  "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Dublin",
  "America/Nuuk", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran", "Pacific/Apia",
}

-- What coreutils' date says of moments, by the C library's own reader of tzdata.
local function offsets(name, moments)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  for _, at in ipairs(moments) do file:write("@", at, "\n") end
  file:flush()
  local out = shell.run(("TZ=%s date -f %s +%%::z"):format(name, path))
  os.remove(path)
  local found = {}
  for sign, hours, minutes, seconds in out:gmatch "([+-])(%d+):(%d+):(%d+)" do
    local offset = math.tointeger(hours * 3600 + minutes * 60 + seconds)
    found[#found + 1] = sign == "-" and -offset or offset
  end
  return found
end

describe("a time zone", function()
  for _, name in ipairs(NAMES) do
    it(("is what the C library makes of it: %s"):format(name), function()
      local clock, moments = assert(zone.open(name)), {}
      for index, at in ipairs(clock.times) do
        if at > -2 ^ 31 and index % 3 == 0 then
          table.move({ at - 1, at, at + 1 }, 1, 3, #moments + 1, moments)
        end
      end
      -- Behind the list, where the rule at the file's end holds.
      for at = date.iso "2037-01-01", date.iso "2045-01-01", 7 * 86400 + 3600 do
        moments[#moments + 1] = at
      end
      local expected = offsets(name, moments)
      assert.are.equal(#moments, #expected)
      for index, at in ipairs(moments) do
        assert.are.equal(expected[index], clock:offset(at), at)
      end
    end)
  end

  it("says at which moment clocks show a time: never, or at first", function()
    local berlin = assert(zone.open "Europe/Berlin")
    assert.are.equal(date.iso "2026-07-01T10:00Z", berlin:moment(date.iso "2026-07-01T12:00Z"))
    assert.is_nil(berlin:moment(date.iso "2026-03-29T02:30Z"))
    assert.are.equal(date.iso "2026-10-25T00:30Z", berlin:moment(date.iso "2026-10-25T02:30Z"))
    assert.are.equal("2026-10-25 02:30", berlin:text(date.iso "2026-10-25T01:30Z"))
    local apia = assert(zone.open "Pacific/Apia") -- it left out a whole day
    assert.is_nil(apia:moment(date.iso "2011-12-30T12:00Z"))
  end)

  it("of another folder is read there, and UTC without any", function()
    local script, folder = os.tmpname(), os.tmpname()
    os.remove(folder)
    do
      local file <close> = assert(io.open(script, "w"))
      file:write [[
        local zone = require "watchbot.schedule.zone"
        print(zone.open("UTC"):offset(0), (select(2, zone.open "Europe/Berlin")))]]
    end
    local out = shell.run(("TZDIR=%s %s"):format(folder, shell.lua(script)))
    os.remove(script)
    assert.are.equal(("0\ttime zone 'Europe/Berlin': this machine has no time zone data, looked "
      .. "for in %s; install tzdata, or use UTC\n"):format(folder), out)
  end)

  for name, why in pairs {
    ["Europe/Atlantis"] = "unknown time zone 'Europe/Atlantis', looked for in /usr/share/zoneinfo",
    ["../../etc/passwd"] = "expected a time zone like", ["/etc/localtime"] = "expected a time zone",
    [""] = "expected a time zone", ["CET-1CEST,M3.5.0,M10.5.0/3"] = "expected a time zone like",
    ["zone.tab"] = "expected a time zone", ["Europe"] = "unknown time zone", ["leapseconds"] =
      "its file cannot be read",
  } do
    it(("is refused: '%s'"):format(name), function()
      local clock, err = zone.open(name)
      assert.is_nil(clock)
      assert.matches(why, err, 1, true)
    end)
  end
end)
