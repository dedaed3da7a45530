--- cli.delay: the option --delay of `watchbot send`, and what to do where a queue cannot delay for
-- so long.

local limits = require "watchbot.lib.limits"
local moment = require "watchbot.cli.moment"
local text = require "watchbot.lib.text"

local delay = {}

--- The options.
---@type watchbot.Option[]
delay.options = {
  {
    name = "delay", value = "TIME",
    help = "delay before delivery, as 90s, 15m, 2d or seconds: SQS up to 15 minutes, more with "
      .. "--via scheduler; an embedded queue up to a year",
  },
  {
    name = "via", value = "SERVICE", choices = { "scheduler" },
    help = "with --delay: Amazon EventBridge Scheduler sends the message to the SQS queue when it "
      .. "is due; the name of its schedule is printed",
  },
  {
    name = "scheduler-role", value = "ARN",
    help = "with --via: the role that may send to the queue; default: $SchedulerRole, or the "
      .. "stack's",
  },
}

--- Reads the options: `delay` becomes seconds.
---@param arguments watchbot.Arguments
---@return true? ok
---@return string? err
---@return string? code
function delay.read(arguments)
  local given = arguments.delay
  if arguments.via and not given then
    return nil, "send: --via needs --delay: how long to wait", "Usage"
  elseif arguments["scheduler-role"] and not arguments.via then
    return nil, "send: --scheduler-role is for --via scheduler", "Usage"
  end
  if given == nil or tonumber(given) == 0 then
    arguments.delay = given and 0
    return true
  end
  local seconds, problem = moment.duration(given)
  if not seconds then return nil, "send: --delay: " .. problem, "Usage" end
  arguments.delay = seconds
  return true
end

-- The role from an option, the environment or the stack. => role, or nil, err, code
local function role_of(arguments, found)
  local role = arguments["scheduler-role"] or (not found and os.getenv "SchedulerRole")
  local err, code
  if not role and found then role, err, code = found:find "SchedulerRole" end
  if err then return nil, err, code end
  if not role or role == "" then
    return nil, "--via scheduler needs a role that may send to the queue: give --scheduler-role "
      .. "ARN, or set $SchedulerRole; the template's option 'longDelays' makes one", "Usage"
  elseif not role:find "^arn:aws[%a-]*:iam::%d+:role/." then
    return nil, ("--scheduler-role: expected arn:aws:iam::ACCOUNT:role/NAME, got '%s'"):format(
      text.word(role)), "Usage"
  end
  return role
end

local function is_sqs(queue)
  return not queue.embedded and not tostring(queue.name):find "^arn:"
end

-- What the queue itself cannot do.
local function refusal(queue, arguments)
  local most = limits.sqs.delay
  if arguments.via and not is_sqs(queue) then
    return "--via scheduler is for SQS queues: "
      .. (queue.embedded and "an embedded queue delays by itself, leave it out" or "give --queue")
  elseif not arguments.via and is_sqs(queue) and (arguments.delay or 0) > most
    and not queue.fifo then
    return ("queue %s: SQS delays a message by up to %d s (15 minutes), not %g: add --via "
      .. "scheduler"):format(queue.name, most, arguments.delay)
  end
end

--- The queue to send to: with --via one that goes through the service.
---@param queue table an open queue, which is closed with the other
---@param arguments watchbot.Arguments that were read
---@param found watchbot.Target? with --stack
---@return table? queue
---@return string? err
---@return string? code
function delay.through(queue, arguments, found)
  local problem = refusal(queue, arguments)
  if problem then return nil, problem, "Usage" end
  if not arguments.via then return queue end
  local role, err, code = role_of(arguments, found)
  if not role then return nil, err, code end
  return require "watchbot.queue.later".open(queue, { delay = arguments.delay, role = role })
end

return delay
