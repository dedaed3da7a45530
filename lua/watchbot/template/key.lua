--- template.key: with `kmsKey = "create"`, a KMS key that encrypts the data of the stack. It is
-- kept when the stack is deleted: without it the retained data could not be read.

local access = require "watchbot.template.access"
local cf = require "watchbot.template.cf"

---@type watchbot.template.Part
return function(options, refs)
  if not options.createsKey then return {} end
  return {
    Resources = {
      [refs.id "Key"] = {
        Type = "AWS::KMS::Key", DeletionPolicy = "Retain", UpdateReplacePolicy = "Retain",
        Properties = {
          Description = cf.sub "Queues, topics and log of ${AWS::StackName}",
          EnableKeyRotation = true,
          KeyPolicy = access.of_key(),
        },
      },
    },
    Outputs = { [refs.id "Key"] = { Description = "ARN of the KMS key", Value = options.kmsKey } },
  }
end
