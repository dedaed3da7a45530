--- cfn_lint: cfn-lint for specs (https://github.com/aws-cloudformation/cfn-lint), which is installed under build/ where it is
-- missing. One run for many templates: it takes seconds to start.

local cjson = require "cjson"
local shell = require "support.shell"

local cfn_lint = {}

local INSTALLED = "build/cfn-lint/bin/cfn-lint"

local function succeeds(command) return (os.execute(command)) == true end

--- The program's path; it is installed if need be.
---@return string
function cfn_lint.program()
  if succeeds "command -v cfn-lint >/dev/null" then return "cfn-lint" end
  if not succeeds("test -x " .. INSTALLED) then
    assert(succeeds "spec/support/install-cfn-lint",
      "cfn-lint could not be installed; `pip install cfn-lint` must work in a virtual environment")
  end
  return INSTALLED
end

--- Runs it once on templates.
---@param paths string[]
---@return string[] findings errors, warnings and remarks alike: "a.json: Resources.X: message (E1001)"
function cfn_lint.run(paths)
  local words = {}
  for index, path in ipairs(paths) do words[index] = shell.quote(path) end
  local out = shell.run(("%s --format json --template %s"):format(cfn_lint.program(), table.concat(words, " ")))
  local ok, told = pcall(cjson.decode, out)
  assert(ok, "cfn-lint did not answer in JSON: " .. out)
  local findings = {}
  for index, finding in ipairs(told) do
    local where = {}
    for _, name in ipairs(finding.Location.Path ~= cjson.null and finding.Location.Path or {}) do
      where[#where + 1] = tostring(name)
    end
    findings[index] = ("%s: %s: %s (%s)"):format(finding.Filename:match "[^/]*$", table.concat(where, "."), finding.Message,
      finding.Rule.Id)
  end
  return findings
end

return cfn_lint
