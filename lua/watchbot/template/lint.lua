--- template.lint: the findings of cfn-lint about a template, if it is installed:
-- https://github.com/aws-cloudformation/cfn-lint

local json = require "watchbot.lib.json"
local process = require "watchbot.process"
local suggest = require "watchbot.lib.suggest"

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

-- The longest list of values that a message keeps.
local LONGEST_LIST = 200

-- "'Arnn' is not one of ['Arn', ...]" names each resource of the template: then only the nearest.
local function shortened(message)
  local value, list, rest = message:match "^'([^']*)' is not one of (%b[])(.*)$"
  if not list or #list <= LONGEST_LIST then return message end
  local names = {}
  for name in list:gmatch "'([^']*)'" do names[#names + 1] = name end
  return ("'%s' is not one of %d names%s%s"):format(value, #names, rest, suggest.hint(value, names))
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
      message = ("%s (%s)"):format(shortened(tostring(finding.Message)), rule) }
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

local function quoted(message) return message:match "'([^']*)'" end

--- The findings of cfn-lint that are not known: one about the same name at the same place, or below
--- it, is the same finding.
---@param linted watchbot.template.Finding[]
---@param known watchbot.template.Finding[]
---@return watchbot.template.Finding[]
function lint.without(linted, known)
  local left = {}
  for _, finding in ipairs(linted) do
    local is_known = false
    for _, one in ipairs(known) do
      is_known = is_known or not one.note and (finding.where .. "."):sub(1, #one.where + 1)
        == one.where .. "." and quoted(finding.message) == quoted(one.message)
    end
    if not is_known then left[#left + 1] = finding end
  end
  return left
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
