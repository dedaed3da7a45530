--- template.worker: the task definition that does the work: of the tasks that watchers start, or
-- (mode "process") of the service, whose image includes `watchbot`.

local cf = require "watchbot.template.cf"
local container = require "watchbot.template.container"
local environment = require "watchbot.template.environment"
local lambda = require "watchbot.template.lambda"
local mounts = require "watchbot.template.mounts"
local names = require "watchbot.template.names"
local pieces = require "watchbot.template.pieces"

-- Quotes a word for sh. An intrinsic's value is put into quotes unchanged.
local function quoted(word)
  if cf.is(word) then return pieces.concat("'", word, "'") end
  if word:find "^[%w_./:=@%%+-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- `listen` passes one text to sh, so words are quoted.
local function listen_to(options)
  local command = { "watchbot", "listen", "--health", container.HEALTH }
  if options.workers ~= 1 then
    command[#command + 1], command[#command + 2] = "--workers", pieces.concat(options.workers)
  end
  local given = options.command
  if type(given) == "string" or cf.is(given) then
    command[#command + 1] = given
    return command
  end
  local words = {}
  for index, word in ipairs(given) do words[index] = quoted(word) end
  command[#command + 1] = pieces.list(" ", words)
  return command
end

local function command_of(options)
  local given = options.command
  if options.mode == "process" then
    if not options.policy then return listen_to(options) end
    return { "watchbot", "run", "--health", container.HEALTH, options.policy }
  end
  if type(given) == "string" or cf.is(given) then return { "sh", "-c", given } end
  return given or nil
end

local function containers_of(options, refs, mounted)
  if options.lambda then return lambda.containers(options, refs, mounted) end
  local process = options.mode == "process"
  return { container.of_service(options, refs, {
    name = names.container(options), image = names.image(options), command = command_of(options),
    environment = (process and environment.process or environment.worker)(options, refs),
    reservation = options.reservation, read_only = process and not options.writableFilesystem,
    watches = process,
    user = options.containerUser,
  }, mounted) }
end

---@type watchbot.template.Part
return function(options, refs)
  local process = options.mode == "process"
  local mounted = mounts.of(options)
  local id = refs.id(process and "Task" or "Worker")
  local task = container.task(options, refs, {
    family = names.family(options), role = process and "Role" or "WorkerRole",
    containers = containers_of(options, refs, mounted),
    reservation = options.reservation, volumes = mounted.volumes,
  })
  task.Properties.EphemeralStorage = options.ephemeralStorageGiB
    and { SizeInGiB = options.ephemeralStorageGiB } or nil
  return {
    Resources = { [id] = task },
    Outputs = {
      [refs.id "TaskDefinition"] = {
        Description = "ARN of the task definition that does the work", Value = cf.ref(id),
      },
    },
  }
end
