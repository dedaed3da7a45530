-- bench: figures of watchbot compared with other programs on the same machine in the same run.
-- Ratios count; machines are noisy, so each pair is measured alternately, and the median is
-- reported. usage: lua5.4 spec/bench/run.lua BUILD [PART...]

local build = assert(arg[1], "usage: run.lua BUILD [PART...]")
package.path = "spec/?.lua;lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = build .. "/lib/?.so;" .. package.cpath

local support = require "bench.support"
local scheduler = require "watchbot.scheduler"

local parts = {
  "process", "handler", "instructions", "resident", "listener", "flat", "idle", "log", "sigv4",
  "sqs", "sqs_handler", "ecs", "template", "static", "metrics", "depth", "history",
  "console", "simulate",
}

local wanted = {}
for index = 2, #arg do wanted[arg[index]] = true end

scheduler.run(function()
  support.setup(build)
  for _, part in ipairs(parts) do
    if #arg == 1 or wanted[part] then require("bench." .. part)(support) end
  end
  support.cleanup()
end)
