--- template: `watchbot.template { ... }` turns the description of a service into a CloudFormation
-- template, a plain table. The template consists of parts, each a function from options and refs to
-- resources; a user can replace, add or leave out parts.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html

local existing = require "watchbot.template.existing"
local dynamic = require "watchbot.template.dynamic"
local options = require "watchbot.template.options"
local refs = require "watchbot.template.refs"
local refusal = require "watchbot.lib.refusal"
local sorted = require "watchbot.lib.sorted"
local suggest = require "watchbot.lib.suggest"

---@alias watchbot.template.Part fun(options: table, refs: table, default: function?): table?

local parts = {
  "key", "notifications", "log_group", "queue", "roles", "worker", "watcher", "events",
  "service_events", "filters", "alarms",
  "dashboard", "scaling", "user", "webhook", "schedules", "progress", "messages",
  "once", "delays",
}

-- The sections that a part may return.
local sections = { "Parameters", "Mappings", "Conditions", "Resources", "Outputs" }

local known_sections = {}
for _, section in ipairs(sections) do known_sections[section] = true end

-- The problem with the result of a part, if there is one.
local function problem_of(name, made)
  if type(made) ~= "table" then
    return ("part '%s' returned a %s, not a table like { Resources = { ... } }"):format(name,
      type(made))
  end
  for section in pairs(made) do
    if not known_sections[section] then
      return ("part '%s' returned '%s'; a part has '%s'"):format(name, tostring(section),
        table.concat(sections, "', '"))
    end
  end
end

-- => the problem, if there is one
local function add(template, owners, name, made)
  local problem = problem_of(name, made)
  if problem then return problem end
  for _, section in ipairs(sections) do
    for id, value in pairs(made[section] or {}) do
      local key = section .. "\0" .. id
      if owners[key] then
        return ("parts '%s' and '%s' both have '%s' in %s"):format(owners[key], name, id, section)
      end
      owners[key] = name
      template[section] = template[section] or {}
      template[section][id] = value
    end
  end
end

-- The name of a part to leave out that does not exist.
local function unknown_part(given)
  local known = {}
  for _, name in ipairs(parts) do known[name] = true end
  for name, part in pairs(given) do
    if part == false and not known[name] then return name end
  end
end

-- The parts in order, then those that a user adds.
local function names_of(given)
  local names, known, added = table.move(parts, 1, #parts, 1, {}), {}, {}
  for _, name in ipairs(parts) do known[name] = true end
  for name in pairs(given) do
    if not known[name] then added[#added + 1] = name end
  end
  table.sort(added)
  return table.move(added, 1, #added, #names + 1, names), known
end

-- Types whose `Tags` are a list of keys and values.
local tagged = {
  ["AWS::CloudWatch::Alarm"] = true, ["AWS::DynamoDB::Table"] = true, ["AWS::ECS::Service"] = true,
  ["AWS::ECS::TaskDefinition"] = true, ["AWS::IAM::Role"] = true, ["AWS::IAM::User"] = true,
    ["AWS::KMS::Key"] = true,
  ["AWS::Logs::LogGroup"] = true, ["AWS::SNS::Topic"] = true, ["AWS::SQS::Queue"] = true,
  ["AWS::ApiGateway::ApiKey"] = true, ["AWS::ApiGateway::RestApi"] = true,
  ["AWS::ApiGateway::Stage"] = true, ["AWS::ApiGateway::UsagePlan"] = true,
  ["AWS::Events::Rule"] = true, ["AWS::S3::Bucket"] = true,
}

local function tags_of(tags)
  local list = {}
  for key, value in pairs(tags) do list[#list + 1] = { Key = key, Value = value } end
  table.sort(list, function(a, b) return a.Key < b.Key end)
  return list
end

local function add_tags(template, tags)
  if next(tags) == nil then return end
  for _, resource in pairs(template.Resources) do
    if tagged[resource.Type] then
      resource.Properties = resource.Properties or {}
      resource.Properties.Tags = resource.Properties.Tags or tags_of(tags)
    end
  end
end

-- A missing name would be nil: an output without a value, and the mistake would go unnoticed.
local function guarded(references)
  local names = sorted.keys(references)
  return setmetatable(references, { __index = function(_, name)
    local option = refs.with[name]
    error(("unknown ref '%s'%s"):format(tostring(name),
      option and (": it comes with the option '%s'"):format(option)
      or suggest.hint(name, names)), 2)
  end })
end

-- => template ; or nil, the problem, the part's name
local function build(complete)
  local template = {
    AWSTemplateFormatVersion = "2010-09-09", Description = complete.description or nil,
    Resources = {},
  }
  local references, owners = refs.new(complete), {}
  local unknown = unknown_part(complete.parts)
  if unknown then
    return nil, ("parts: unknown part '%s' to leave out%s"):format(unknown,
      suggest.hint(unknown, parts)), unknown
  end
  local names, known = names_of(complete.parts)
  for _, name in ipairs(names) do
    local default, given = known[name] and require("watchbot.template." .. name)
      or nil, complete.parts[name]
    local part = given == nil and default or given
    local made = part and part(complete, references, default)
    local problem = made and add(template, owners, name, made)
    if problem then return nil, problem, name end
  end
  existing.note(template, complete, references)
  add_tags(template, complete.tags)
  for id, resource in pairs(template.Resources) do
    template.Resources[id] = dynamic.text(resource)
  end
  -- In the metatable, where `pairs`, and therefore the writers of templates, do not see it.
  return setmetatable(template, {
    __name = "watchbot.template", __index = { ref = guarded(references) },
  })
end

--- Describes a service. Raises an error about a wrong option, with file, line and the nearest known
--- name.
---@param _ table
---@param given table<string, any> the options, see template.declared
---@return table template with `ref`, which is how the rest of a stack refers to it
local function new(_, given)
  if type(given) ~= "table" then
    error(("watchbot.template: expected a table of options, got a %s"):format(type(given)), 2)
  end
  local complete, err, name = options.complete(given)
  if not complete then refusal.raise(err, name, 1) end
  local template
  template, err, name = build(complete)
  if not template then refusal.raise(err, name, 1) end
  return template
end

return setmetatable({}, { __call = new })
