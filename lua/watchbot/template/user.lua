--- template.user: a sender outside AWS: an IAM user and its access key. The key is not an output,
-- where everyone who can see the stack could read it: `ref.accessKeyId` and `ref.secretAccessKey`
-- pass it to the resource that needs it.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-iam-accesskey.html

local cf = require "watchbot.template.cf"
local sending = require "watchbot.template.sending"

---@type watchbot.template.Part
return function(options, refs)
  if not options.user then return {} end
  local statements = sending.statements(options, refs)
  table.insert(statements, 2, {
    Effect = "Allow", Action = { "sqs:SendMessage" }, Resource = { refs.queueArn },
  })
  return {
    Resources = {
      [refs.id "User"] = {
        Type = "AWS::IAM::User",
        Properties = {
          Policies = { { PolicyName = "send", PolicyDocument = sending.document(statements) } },
          PermissionsBoundary = options.permissionsBoundary or nil, Path = options.rolePath or nil,
        },
      },
      [refs.id "UserKey"] = {
        Type = "AWS::IAM::AccessKey", Properties = { UserName = cf.ref(refs.id "User") },
      },
    },
  }
end
