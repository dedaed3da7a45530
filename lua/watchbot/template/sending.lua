--- template.sending: the permissions to publish to a stack's topic, for the user and the webhook.

local sending = {}

--- IAM statements that allow publishing; with a customer managed key, SNS requires that the
-- publisher may use the key.
-- https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@return table[]
function sending.statements(options, refs)
  local statements = { { Effect = "Allow", Action = { "sns:Publish" }, Resource = { refs.topic } } }
  if options.kmsKey then
    statements[2] = {
      Effect = "Allow", Action = { "kms:GenerateDataKey", "kms:Decrypt" },
      Resource = { options.kmsKey },
    }
  end
  return statements
end

---@param statements table[]
---@return table policy document
function sending.document(statements)
  return { Version = "2012-10-17", Statement = statements }
end

return sending
