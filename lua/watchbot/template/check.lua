--- template.check: checks a template without AWS: whether its references exist, whether resources
-- depend on each other in a circle, and the limits. cfn-lint checks the properties of resources.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html

local check_access = require "watchbot.template.check_access"
local check_forms = require "watchbot.template.check_forms"
local check_volumes = require "watchbot.template.check_volumes"
local limits = require "watchbot.lib.limits"
local ordered = require "watchbot.template.ordered"
local references = require "watchbot.template.references"
local suggest = require "watchbot.lib.suggest"

---@class watchbot.template.Finding
---@field where string its path: "Resources.Queue.Properties"
---@field message string
---@field note boolean? information, not a problem

local INLINE, IN_S3 = limits.cloudformation.body, limits.cloudformation.body_in_s3

local most = {
  Resources = limits.cloudformation.resources, Outputs = limits.cloudformation.outputs,
  Parameters = limits.cloudformation.parameters, Mappings = limits.cloudformation.mappings,
}

local LONGEST_ID = limits.cloudformation.id

local pseudo_parameters = {
  ["AWS::AccountId"] = true, ["AWS::NoValue"] = true, ["AWS::NotificationARNs"] = true,
    ["AWS::Partition"] = true,
  ["AWS::Region"] = true, ["AWS::StackId"] = true, ["AWS::StackName"] = true,
    ["AWS::URLSuffix"] = true,
}

local sections = {
  "AWSTemplateFormatVersion", "Description", "Metadata", "Transform", "Parameters", "Rules",
  "Mappings", "Conditions",
  "Resources", "Outputs", "Hooks",
}

local texts = { AWSTemplateFormatVersion = true, Description = true, Transform = true }

local attributes = {
  Type = true, Properties = true, DependsOn = true, Condition = true, Metadata = true,
  DeletionPolicy = true,
  UpdateReplacePolicy = true, CreationPolicy = true, UpdatePolicy = true,
}

local function add(findings, note, where, format, ...)
  findings[#findings + 1] = { where = where, message = format:format(...), note = note }
end

local function has(template, section, id)
  return template[section] ~= nil and template[section][id] ~= nil
end

local leads_somewhere = {
  Ref = function(template, id)
    return has(template, "Resources", id) or has(template, "Parameters", id)
      or pseudo_parameters[id] == true,
      "no parameter or resource"
  end,
  GetAtt = function(template, id) return has(template, "Resources", id), "no resource" end,
  Condition = function(template, id) return has(template, "Conditions", id), "no condition" end,
  Mapping = function(template, id) return has(template, "Mappings", id), "no mapping" end,
}

local sections_of = {
  Ref = { "Parameters", "Resources" }, GetAtt = { "Resources" }, Condition = { "Conditions" },
  Mapping = { "Mappings" },
}

-- The ids that a reference may name.
local function known_ids(template, reference)
  local known = {}
  for _, section in ipairs(sections_of[reference.kind]) do
    for id in pairs(template[section] or {}) do known[#known + 1] = id end
  end
  table.sort(known)
  return known
end

-- A wrong name is reported once, in however many places it occurs.
local function show_missing(template, missing, find)
  for _, one in ipairs(missing) do
    find(one.reference.path, "%s of the template is called '%s'%s", one.what, one.reference.id,
      suggest.hint(one.reference.id, known_ids(template, one.reference),
        one.count > 1 and ("and in %d more places"):format(one.count - 1) or nil))
  end
end

local function check_references(template, find)
  local missing = {}
  local function visit(reference)
    local found, what = leads_somewhere[reference.kind](template, reference.id)
    if found then return end
    local key = reference.kind .. " " .. reference.id
    local one = missing[key]
    if one then
      one.count = one.count + 1
    else
      missing[key] = { reference = reference, what = what, count = 1 }
      missing[#missing + 1] = missing[key]
    end
  end
  for _, section in ipairs { "Conditions", "Resources", "Outputs" } do
    for _, id in ipairs(ordered.keys(template[section] or {}, 1)) do
      references.each(template[section][id], section .. "." .. id, visit)
      if section == "Conditions" then
        references.conditions(template.Conditions[id], "Conditions." .. id, visit)
      end
    end
  end
  show_missing(template, missing, find)
end

local function check_condition(template, where, entry, find)
  if entry.Condition ~= nil and not has(template, "Conditions", entry.Condition) then
    find(where .. ".Condition", "no condition of the template is called '%s'",
      tostring(entry.Condition))
  end
end

local function check_resource(template, id, resource, find)
  local where = "Resources." .. id
  if type(resource) ~= "table" then
    return find(where, "a resource is a table, not a %s", type(resource))
  end
  if type(resource.Type) ~= "string" then find(where, "a resource needs a 'Type'") end
  for _, name in ipairs(ordered.keys(resource, 2)) do
    if not attributes[name] then
      find(where, "a resource has no '%s'; it may belong in 'Properties'", name)
    end
  end
  check_condition(template, where, resource, find)
  local depends = resource.DependsOn
  for _, other in ipairs(type(depends) == "table" and depends or { depends }) do
    if not has(template, "Resources", other) then
      find(where .. ".DependsOn", "no resource of the template is called '%s'", tostring(other))
    end
  end
end

local function check_sections(template, find)
  local known = {}
  for _, name in ipairs(sections) do known[name] = true end
  for _, name in ipairs(ordered.keys(template, 0)) do
    if not known[name] then
      find(name, "unknown section of a template%s", suggest.hint(name, sections))
    elseif not texts[name] and type(template[name]) ~= "table" then
      find(name, "a section is a table, not a %s", type(template[name]))
    end
  end
end

local function check_ids(template, find)
  for _, section in ipairs { "Parameters", "Mappings", "Conditions", "Resources", "Outputs" } do
    local count = 0
    for _, id in ipairs(ordered.keys(template[section] or {}, 1)) do
      count = count + 1
      if not id:match "^%w+$" or #id > LONGEST_ID then
        find(section .. "." .. id, "a logical id has letters and digits, at most %d", LONGEST_ID)
      end
    end
    if most[section] and count > most[section] then
      find(section, "a template has at most %d, not %d", most[section], count)
    end
  end
end

-- => a circle of ids that is reached from `id`
local function circle_from(template, id, path, done)
  for index, other in ipairs(path) do
    if other == id then return table.move(path, index, #path, 1, {}) end
  end
  if done[id] then return nil end
  path[#path + 1] = id
  for _, needed in ipairs(references.needs(template, id)) do
    local circle = circle_from(template, needed, path, done)
    if circle then return circle end
  end
  path[#path] = nil
  done[id] = true
end

local function check_circles(template, find)
  local done = {}
  for _, id in ipairs(references.resources(template)) do
    local circle = circle_from(template, id, {}, done)
    if circle then
      circle[#circle + 1] = circle[1]
      return find("Resources." .. circle[1], "resources wait for each other: %s",
        table.concat(circle, " -> "))
    end
  end
end

-- The longest stack name for which the names of all queues fit.
local LONGEST_QUEUE_NAME, STACK_NAME = limits.sqs.name, "${AWS::StackName}"

local function check_queue_names(template, findings)
  local least, where = math.huge, nil
  for _, id in ipairs(references.resources(template)) do
    local resource = template.Resources[id]
    local name = resource.Type == "AWS::SQS::Queue" and (resource.Properties or {}).QueueName
    local text = type(name) == "table" and name["Fn::Sub"]
    if type(text) == "string" and text:sub(1, #STACK_NAME) == STACK_NAME
      and not text:find("${", #STACK_NAME, true) then
      local left = LONGEST_QUEUE_NAME - (#text - #STACK_NAME)
      if left < least then least, where = left, "Resources." .. id .. ".Properties.QueueName" end
    end
  end
  -- CloudFormation's limit for the name of a stack.
  if least < 128 then
    add(findings, true, where,
    "the stack's name may have at most %d characters: a queue's has at most %d", least,
      LONGEST_QUEUE_NAME)
  end
end

local function check_size(size, findings)
  if size > IN_S3 then
    add(findings, nil, "the template", "it has %d bytes, CloudFormation accepts at most %d", size,
      IN_S3)
  elseif size > INLINE then
    add(findings, true, "the template",
      "it has %d bytes: above %d CloudFormation accepts it only from S3 "
      .. "(aws cloudformation deploy --s3-bucket)", size, INLINE)
  end
end

--- Checks a template that can be written.
---@param template table
---@param size integer bytes, as it is written
---@return watchbot.template.Finding[]
return function(template, size)
  local findings = {}
  local function find(...) add(findings, nil, ...) end
  if type(template.Resources) ~= "table" or next(template.Resources) == nil then
    find("Resources", "a template needs at least one resource")
    return findings
  end
  check_sections(template, find)
  if #findings > 0 then return findings end
  check_ids(template, find)
  check_forms(template, find)
  for _, id in ipairs(references.resources(template)) do
    check_resource(template, id, template.Resources[id], find)
  end
  for _, id in ipairs(ordered.keys(template.Outputs or {}, 1)) do
    check_condition(template, "Outputs." .. id, template.Outputs[id], find)
  end
  check_references(template, find)
  if #findings == 0 then check_circles(template, find) end
  check_queue_names(template, findings)
  check_access(template, findings)
  check_volumes(template, findings)
  check_size(size, findings)
  return findings
end
