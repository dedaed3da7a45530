--- template.delays: the role with which Amazon EventBridge Scheduler sends the messages of
-- `watchbot send --delay 2d --via scheduler` to the queue, when they are due.

local scheduling = require "watchbot.template.scheduling"

local function statements(options, refs)
  local list = {
    { Effect = "Allow", Action = { "sqs:SendMessage" }, Resource = { refs.queueArn } },
  }
  if options.kmsKey then
    list[2] = {
      Effect = "Allow", Action = { "kms:GenerateDataKey", "kms:Decrypt" },
      Resource = { options.kmsKey },
    }
  end
  return list
end

---@type watchbot.template.Part
return function(options, refs)
  if not options.longDelays then return {} end
  local id = refs.id "SchedulerRole"
  return {
    Resources = { [id] = scheduling.role(options, "send", statements(options, refs)) },
    Outputs = {
      [id] = {
        Description = "ARN of the role for watchbot send --via scheduler",
        Value = refs.schedulerRole,
      },
    },
  }
end
