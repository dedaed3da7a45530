--- cli.resume: `watchbot resume`, the end of what cli.pause does.

local pause = require "watchbot.cli.pause"
local target = require "watchbot.cli.target"

return {
  summary = "Ends a pause of a queue.",
  usage = "--stack NAME|--queue URL [--by group=ID]",
  options = {
    target.options[1], target.options[2], target.options[3],
    { name = "by", value = "group=ID", help = "the FIFO group that was paused" },
  },
  details = [[
Groups that were paused one by one stay paused when the whole queue is resumed. On SQS this needs
sqs:UntagQueue.

example:
  watchbot resume --stack tiles]],
  run = pause.resume,
}
