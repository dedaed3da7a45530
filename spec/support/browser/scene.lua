--- scene: a queue to be photographed for the documentation: an hour behind it, jobs that run, some
-- that wait, and some that failed.

local core = require "watchbot.core".aws
local history = require "watchbot.queue.sqlite.history"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local scene = {}

local function attempt(at, outcome)
  return {
    id = core.uuid(), subject = "resize", receives = 1, sent = at - 1400, started = at - 900,
    outcome = outcome, code = outcome == "complete" and 0 or 1, wait = 400,
    duration = 300 + math.random(1500), max_rss = 48 << 20, cpu = 210,
  }
end

-- Attempts of each of the last minutes: a morning's rise, and a spell of failures.
local function fill(transaction, now)
  history.set(transaction, { seconds = 7 * 86400, rows = 100000 })
  for minute = 59, 1, -1 do
    local at, all = now - minute * 60000, {}
    local done = math.floor(70 - minute * 0.7 + 14 * math.sin(minute / 5) + math.random(9))
    local failed = minute > 14 and minute < 22 and 7 - math.abs(minute - 18) or math.random(2) - 1
    for index = 1, done + failed do
      all[index] = attempt(at, index <= done and "complete" or "retry")
    end
    history.add(transaction, at, all)
  end
  return true
end

local POLICY = [[
return require "watchbot".policy { queue = %q, history = 7 * 86400, history_output = "all",
  max_receives = 3, workers = 6, backoff = function() return 0.4 end, attributes = false,
  command = function(job)
    if job.subject == "convert" then return { "sleep", "600" } end
    return { "sh", "-c", [=[echo "reading $Message"; sleep 0.3
      echo "convert: improper image header '$Message' @ gif.c/ReadGIFImage" >&2; exit 1]=] }
  end }]]

--- Sets the scene; the watcher that runs it is to be ended.
---@param folder table
---@return table watcher
function scene.set(folder)
  math.randomseed(7)
  do
    local queue <close> = assert(open_queue(folder:url()))
    assert(queue.sending:submit(fill, true))
  end
  folder:write("policy.lua", POLICY:format(folder:url()))
  workshop.send(folder, { "scan-221.tif", "scan-222.tif", "poster.psd", "map-eu.tif" },
    "--subject", "convert")
  local watcher = workshop.start(folder, { "run", "policy.lua" })
  scheduler.sleep(2)
  workshop.send(folder, {
    "broken.gif", "banner.gif", "logo-old.gif", "header.gif", "IMG_0042.gif",
  }, "--subject", "resize")
  local function dead()
    local exit, out = workshop.run(folder, { "status", "--queue", folder:url(), "--json" })
    return exit.code == 0 and out:find '"dead":5' ~= nil
  end
  workshop.eventually(dead, "the dead letters")
  workshop.send(folder, { "scan-223.tif", "scan-224.tif" }, "--subject", "convert")
  workshop.send(folder, { "photo-1.jpg", "photo-2.jpg", "photo-3.jpg" }, "--subject", "convert")
  workshop.send(folder, { "report" }, "--subject", "convert", "--delay", "300")
  scheduler.sleep(3)
  return watcher
end

return scene
