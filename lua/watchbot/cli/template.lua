--- cli.template: `watchbot template`.

local check = require "watchbot.template.check"
local diff = require "watchbot.template.diff"
local json = require "watchbot.lib.json"
local lint = require "watchbot.template.lint"
local load_file = require "watchbot.policy.load"
local options = require "watchbot.cli.options"
local ordered = require "watchbot.template.ordered"
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local whole_file = require "watchbot.lib.whole_file"

local writers = { json = "watchbot.template.to_json", yaml = "watchbot.template.to_yaml" }

local template = {
  summary = "Prints the CloudFormation template that a Lua file describes.",
  usage = "[OPTIONS] STACK.lua",
  options = {
    {
      name = "format", value = "FORMAT", choices = { "json", "yaml" },
      help = "default: json",
    },
    {
      name = "check",
      help = "instead: check the template offline, with cfn-lint if it is installed",
    },
    {
      name = "diff", value = "FILE",
      help = "instead: show what updating the template in FILE (JSON) would change",
    },
    { name = "options", help = "print every option of watchbot.template, with its default" },
  },
  details = [[
The file returns a template: watchbot.template { ... }, or watchbot.merge(...) of several.
See doc/templates.md.

--diff prints a line for each resource: + added, - removed, ~ changed, ! replaced, with its changes.
It compares templates: a changed value of a parameter is not reported.

examples:
  watchbot template stack.lua > stack.json
  watchbot template --check stack.lua          # status 1 when problems are found
  aws cloudformation get-template --stack-name tiles > deployed.json
  watchbot template --diff deployed.json stack.lua   # status 1 when data would be lost]],
}

local function load_stack(path)
  local made, err, code = load_file.template(path)
  if not made then return nil, err, code end
  local problem = ordered.problem(made)
  if problem then return nil, ("%s: %s"):format(path, problem), "Usage" end
  return made
end

local function written(made, format)
  return require(writers[format])(made)
end

-- checking

local function show_findings(findings)
  for _, finding in ipairs(findings) do
    output.line(("%s: %s"):format(finding.where, finding.message))
  end
end

local function count_failures(findings)
  local count = 0
  for _, finding in ipairs(findings) do count = count + (finding.note and 0 or 1) end
  return count
end

local function run_check(made)
  local text = written(made, "json")
  local findings = check(made, #text)
  show_findings(findings)
  local linted, err, code = lint.run(text)
  if not linted and code ~= "ENOENT" then return nil, "template: " .. err, code end
  local others = lint.without(linted or {}, findings)
  show_findings(others)
  local failures = count_failures(findings) + count_failures(others)
  local by = linted and "cfn-lint too"
    or "cfn-lint is not installed: properties of resources were not checked"
  output.line(("%s; %d bytes; %s"):format(failures == 0 and "no problems found"
    or failures == 1 and "1 problem found" or failures .. " problems found", #text, by))
  return failures == 0 and 0 or 1
end

-- comparing

local signs = { added = "+", removed = "-", changed = "~", replaced = "!", refused = "!" }

local function value_text(value)
  return value == nil and "nothing" or json.encode(value)
end

local function show_fate(change)
  if change.what == "replaced" then
    output.line(change.maybe and "    MAY BE REPLACED by a new resource"
      or "    REPLACED by a new resource")
  elseif change.what == "refused" then
    output.line("    REFUSED by CloudFormation: " .. change.reason)
  end
  if change.meanwhile then
    output.line("    LOST MEANWHILE: " .. change.loses
      .. "; stop sending, update, then see that the subscription is there")
  elseif change.loses then
    output.line(("    %s with the old one: %s"):format(change.maybe and "MAY BE LOST" or "LOST",
      change.loses))
  end
  if change.leaves then
    output.line(("    LEFT BEHIND with the old one, outside of the stack: %s"):format(
      change.leaves))
  end
end

local function show_change(change)
  output.line(("%s %s (%s)"):format(signs[change.what], change.id, change.type))
  for _, path in ipairs(change.paths) do
    local values = change.values[path]
    output.line(("    %s: %s -> %s%s"):format(path, value_text(values[1]), value_text(values[2]),
      values.may_be_same and " (may be the same)" or ""))
  end
  show_fate(change)
end

-- The output of get-template contains the template, as text or as an object.
local function deployed_template(path)
  local text, err = whole_file(path)
  if not text then return nil, "template: --diff: " .. err, "Usage" end
  local deployed = json.decode(text)
  if type(deployed) == "table" and deployed.TemplateBody then deployed = deployed.TemplateBody end
  if type(deployed) == "string" then deployed = json.decode(deployed) end
  if type(deployed) == "table" and type(deployed.Resources) == "table" then return deployed end
  return nil, ("template: --diff: '%s' is no template in JSON: aws cloudformation get-template "
    .. "--stack-name NAME prints it, "
    .. "in JSON if it was deployed so"):format(path), "Usage"
end

local function summary(counts)
  local parts = {}
  for _, what in ipairs { "added", "removed", "changed", "replaced" } do
    parts[#parts + 1] = counts[what] .. " " .. what
  end
  if counts.refused > 0 then parts[#parts + 1] = counts.refused .. " refused" end
  local loses = counts.loses == 0 and "no data is lost" or ("%d lose data"):format(counts.loses)
  local leaves = counts.leaves == 0 and "" or (", %d would leave data behind"):format(counts.leaves)
  return ("%s; %s%s"):format(table.concat(parts, ", "), loses, leaves)
end

local function run_diff(made, path)
  local deployed, err, code = deployed_template(path)
  if not deployed then return nil, err, code end
  local counts = {
    added = 0, removed = 0, changed = 0, replaced = 0, refused = 0, loses = 0, leaves = 0,
  }
  for _, change in ipairs(diff(deployed, json.decode(written(made, "json")))) do
    show_change(change)
    counts[change.what] = counts[change.what] + 1
    counts.loses = counts.loses + (change.loses and 1 or 0)
    counts.leaves = counts.leaves + (change.leaves and 1 or 0)
  end
  output.line(summary(counts))
  return counts.loses + counts.refused == 0 and 0 or 1
end

local function start(arguments)
  local made, err, code = load_stack(arguments.words[1])
  if not made then return nil, err, code end
  if arguments.check then return run_check(made) end
  if arguments.diff then return run_diff(made, arguments.diff) end
  output.bytes(written(made, arguments.format or "json"))
  return 0
end

function template.run(arguments)
  local format = arguments.format
  if arguments.options then
    require "watchbot.cli.help".template_options()
    return 0
  end
  local file, err = options.only_word(arguments, "stack file", "watchbot template STACK.lua")
  if not file then return nil, "template: " .. err, "Usage" end
  if format and not writers[format] then
    return nil, ("template: --format: expected json or yaml, got '%s'"):format(format), "Usage"
  elseif arguments.check and arguments.diff then
    return nil, "template: --check and --diff cannot be combined", "Usage"
  end
  return scheduler.run(start, arguments)
end

return template
