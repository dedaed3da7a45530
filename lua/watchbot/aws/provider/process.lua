--- provider.process: keys from the program in a profile's credential_process.
-- Errors never quote its command line or output: both may contain secrets.
-- https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html

local keys = require "watchbot.aws.keys"

local process = {}

local SECONDS, LIMIT = 60, 64 * 1024

local function fail(source, format, ...)
  return nil, ("%s: credential_process " .. format):format(source, ...), "BadCredentials"
end

local function ending(exit)
  if exit.signal then return "was ended by SIG" .. exit.signal end
  return ("ended with exit code %d"):format(exit.code)
end

local function run(command, seconds, source)
  local child <close>, err = require "watchbot.process".start {
    command = command, output = "capture", limit = LIMIT,
  }
  if not child then return fail(source, "could not be started: %s", err) end
  local exit = child:wait(seconds)
  if not exit then return fail(source, "did not end within %g s", seconds) end
  if exit.code ~= 0 then
    return fail(source, "%s; run it by hand to see what it says", ending(exit))
  end
  return (child:output())
end

--- Runs the program. Must be called in a task.
---@param step watchbot.aws.Step
---@param seconds number? timeout
---@return watchbot.aws.Keys?
---@return string? err
---@return string? code "BadCredentials"
function process.load(step, seconds)
  local source = ("profile '%s'"):format(step.name)
  local output, err, code = run(step.settings.credential_process, seconds or SECONDS, source)
  if not output then return nil, err, code end
  local reply
  reply, err, code = keys.decode(output, source .. ": credential_process")
  if not reply then return nil, err, code end
  if reply.Version ~= 1 then return fail(source, "must answer with Version 1") end
  return keys.from_reply(reply, source)
end

return process
