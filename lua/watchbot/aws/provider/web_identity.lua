--- provider.web_identity: the role and the token file that environment variables set, as in a
-- Kubernetes pod on EKS.

local role = require "watchbot.aws.provider.role"

local web_identity = { name = "web identity" }

---@param context watchbot.aws.Context
---@return watchbot.aws.Keys?
---@return string? why
---@return string? code
function web_identity.load(context)
  local config = context.config
  if config.options.profile then return nil, "passed over for the profile that was given" end
  local file, arn = config:getenv "AWS_WEB_IDENTITY_TOKEN_FILE", config:getenv "AWS_ROLE_ARN"
  if not file then return nil, "AWS_WEB_IDENTITY_TOKEN_FILE is not set" end
  if not arn then
    return nil, "web identity: AWS_ROLE_ARN is not set, though AWS_WEB_IDENTITY_TOKEN_FILE is",
      "BadCredentials"
  end
  return role.assume_with_token(context, { role_arn = arn, web_identity_token_file = file },
    web_identity.name)
end

return web_identity
