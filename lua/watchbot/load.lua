--- load: a policy file becomes a policy. Its top level may wait; it finds modules in its own folder first.

local policies = require "watchbot.policy"
local refusal = require "watchbot.refusal"

local load_file = {}

--- The folder of the policy goes in front of where `require` looks, also for the modules that the binary carries.
local function look_in(folder)
  local path = folder .. "/?.lua;" .. folder .. "/?/init.lua"
  if package.user_path == path then return end
  package.user_path = path
  package.path = path .. ";" .. package.path
end

--- Loads a policy file. To be called in a task.
---@param path string
---@return table? policy
---@return string? message with file and line
---@return string? code
function load_file.policy(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, "could not read the policy: " .. problem, "Usage" end
  local source = file:read "a"
  file:close()
  if not source then return nil, ("could not read the policy: %s: is it a folder?"):format(path), "Usage" end
  local chunk
  chunk, problem = load(source, "@" .. path, "t")
  if not chunk then return nil, problem, "Usage" end
  look_in(path:match "^(.*)/[^/]*$" or ".")
  local ok, policy = pcall(chunk)
  if not ok then return nil, refusal.explain(policy, path), "Usage" end
  if not policies.is(policy) then
    return nil, ("%s: must return watchbot.policy { ... }, but returned %s"):format(path,
      policy == nil and "nothing" or "a " .. type(policy)), "Usage"
  end
  return policy
end

return load_file
