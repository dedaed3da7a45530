--- policy.identity: which version of a policy runs: the field `version`, if it is set, and a digest
-- of its file and of the modules of its folder. The same text in the log, the status and the
-- metrics distinguishes the watchers of a fleet during a deployment.

local sha256 = require("watchbot.core").aws.sha256
local whole_file = require "watchbot.lib.whole_file"

-- Characters of the digest: no two policies of a fleet have the same.
local SHOWN = 12

local identity = {}

-- policy -> digest
local digests = setmetatable({}, { __mode = "k" })

--- Notes the files that a policy consists of.
---@param policy watchbot.Policy
---@param paths string[] the same files in the same order give the same digest
function identity.note(policy, paths)
  local parts = {}
  for index, path in ipairs(paths) do
    local source = whole_file(path) or ""
    parts[index] = ("%d:%s"):format(#source, source)
  end
  digests[policy] = sha256(table.concat(parts)):sub(1, SHOWN)
end

--- The version that runs: "2.1.0@3f2a9c1d0b7e", "3f2a9c1d0b7e" without the field, "2.1.0" without a
--- file.
---@param policy watchbot.Policy
---@return string? nil: neither a file nor the field
function identity.of(policy)
  local version, digest = policy.version, digests[policy]
  return version and digest and ("%s@%s"):format(version, digest) or version or digest
end

return identity
