--- provider.given: credentials that the program itself passes.
-- Every provider has a `name` and `load(context)`, which returns keys; or `nil, why` if it is not
-- configured, so that the next one is asked; or `nil, why, code` if it is configured but failed,
-- which ends the search.

local keys = require "watchbot.aws.keys"

local given = { name = "option" }

--- Calls STS; without credentials the call is not signed.
--- Arguments: operation, parameters, credentials (watchbot.aws.Keys?), region.
---@alias watchbot.aws.Sts fun(operation: string, ...: any): table?, string?, string?

---@class watchbot.aws.Context what the providers use
---@field config watchbot.aws.Config
---@field given { access_key: string, secret_key: string, token: string? }? credentials of the
--- caller
---@field sts watchbot.aws.Sts?
---@field near string? a queue's URL or an ARN: its region is used if none is set

---@param context watchbot.aws.Context
---@return watchbot.aws.Keys?
---@return string? why
---@return string? code
function given.load(context)
  if not context.given then return nil, "none were given" end
  return keys.new(context.given, given.name)
end

return given
