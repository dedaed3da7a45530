-- libcurl is loaded by the first request: a watcher of an embedded queue neither waits for it nor
-- has it in memory.

local workshop = require "support.workshop"

-- Prints whether libcurl is in the memory of the watcher before and after a request, and how the
-- request ended.
local POLICY = [[
local watchbot = require "watchbot"
local function loaded()
  local maps <close> = assert(io.open "/proc/self/maps")
  return maps:read "a":find("libcurl", 1, true) ~= nil
end
return watchbot.policy {
  queue = "sqlite:jobs.db",
  handler = function()
    local before = loaded()
    local _, err, code = watchbot.http.request { url = "http://127.0.0.1:1/" }
    local told <close> = assert(io.open("told", "w"))
    told:write(tostring(before), " ", tostring(loaded()), " ", code, " ", err)
  end,
}]]

local function told_by_handler(folder, environment)
  workshop.send(folder, { "one" })
  folder:write("policy.lua", POLICY)
  local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" }, environment)
  assert.are.equal(0, exit.code, log)
  return folder:read "told"
end

describe("libcurl", function()
  it("is in memory once a request was made, and not before", workshop.task(function(folder)
    assert.matches("^false true ConnectFailed ", told_by_handler(folder))
  end))

  it("may be missing or broken: a request says so, and everything else works",
    workshop.task(function(folder)
    folder:write("libcurl.so.4", "no library")
    assert.matches("^false false NoLibcurl request: libcurl cannot be used: .*libcurl%.so%.4: ",
      told_by_handler(folder, { LD_LIBRARY_PATH = folder.path }))
  end))
end)
