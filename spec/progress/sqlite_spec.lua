-- Progress in an embedded queue's file: the contract, and what is its own: a million parts, many processes, files.

local contract = require "progress.contract"
local progresses = require "watchbot.progress"
local queues = require "watchbot.queue"
local workshop = require "support.workshop"

do
  local folder, files
  setup(function() folder, files = workshop.folder(), 0 end)
  teardown(function() folder:remove() end)
  contract(function()
    files = files + 1
    return progresses.open(folder:url(files .. ".db"))
  end)
end
