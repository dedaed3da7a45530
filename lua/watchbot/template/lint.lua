--- template.lint: the findings of cfn-lint about a template, if it is installed:
-- https://github.com/aws-cloudformation/cfn-lint

local json = require "watchbot.lib.json"
local process = require "watchbot.process"

-- Timeout in seconds.
local PATIENCE = 120

local lint = {}

-- "Resources.Queue.Properties"; a finding about the whole template has no path.
local function where_of(finding)
  local path = finding.Location and finding.Location.Path
  local names = {}
  for index, name in ipairs(path or {}) do names[index] = tostring(name) end
  return #names > 0 and table.concat(names, ".") or "the template"
end

local function findings_of(output)
  local told = json.decode(output, true)
  if type(told) ~= "table" then return nil end
  local findings = {}
  for index, finding in ipairs(told) do
    local rule = type(finding.Rule) == "table" and finding.Rule.Id or "?"
    -- Warnings are printed but do not fail the check: cfn-lint warns about some things that are
    -- right here.
    findings[index] = { where = where_of(finding), note = finding.Level ~= "Error" or nil,
      message = ("%s (%s)"):format(tostring(finding.Message), rule) }
  end
  return findings
end

local function run(path)
  local child <close>, err, code = process.start {
    argv = { "cfn-lint", "--format", "json", "--template", path }, output = "capture",
  }
  if not child then return nil, err, code end
  local exit
  exit, err, code = child:wait(PATIENCE)
  if not exit then return nil, "cfn-lint: " .. err, code end
  local output, problem = child:output()
  local findings = findings_of(output)
  if findings then return findings end
  return nil, ("cfn-lint ended with %s: %s"):format(exit.signal or exit.code,
    problem:match "[^\n]*\n?$"), "CfnLint"
end

--- Runs cfn-lint on a template as written. Must run in a task, which waits.
---@param text string JSON
---@return watchbot.template.Finding[]? findings
---@return string? err
---@return string? code "ENOENT": it is not installed
function lint.run(text)
  local file <close>, err, code = process.file(text)
  if not file then return nil, err, code end
  return run(file:path())
end

return lint
