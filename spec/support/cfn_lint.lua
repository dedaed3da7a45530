--- cfn_lint: cfn-lint for specs (https://github.com/aws-cloudformation/cfn-lint), from the machine
-- or from spec/support/obtain. One run for many templates: it takes seconds to start.

local cjson = require "cjson"
local shell = require "support.shell"
local skip = require "support.skip"

local cfn_lint = {}

-- The entry point in its package, because it is on PATH only if it is installed for the whole
-- machine.
local START = [[import sys; from importlib.metadata import entry_points; sys.argv[0] = "cfn-lint";
[entry] = entry_points(group="console_scripts", name="cfn-lint"); sys.exit(entry.load()())]]

--- The command that runs it; without it, the calling test is pending.
---@return string
function cfn_lint.command() return skip.without "cfn-lint" .. " -c " .. shell.quote(START) end

--- Runs it once on templates.
---@param paths string[]
---@return string[] findings errors, warnings and remarks alike: "a.json: Resources.X: message
--- (E1001)"
function cfn_lint.run(paths)
  local words = {}
  for index, path in ipairs(paths) do words[index] = shell.quote(path) end
  local out = shell.run(("%s --format json --template %s"):format(cfn_lint.command(),
    table.concat(words, " ")))
  local ok, told = pcall(cjson.decode, out)
  assert(ok, "cfn-lint did not answer in JSON: " .. out)
  local findings = {}
  for index, finding in ipairs(told) do
    local where = {}
    for _, name in ipairs(finding.Location.Path ~= cjson.null and finding.Location.Path or {}) do
      where[#where + 1] = tostring(name)
    end
    findings[index] =
    ("%s: %s: %s (%s)"):format(finding.Filename:match "[^/]*$", table.concat(where, "."),
    finding.Message,
      finding.Rule.Id)
  end
  return findings
end

return cfn_lint
