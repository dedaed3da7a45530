--- template.check_access: what --check reports about permissions: the policies of queues, topics,
-- keys and roles, and endpoints that are open to everybody.

local access = require "watchbot.template.access"
local cf = require "watchbot.template.cf"
local existing = require "watchbot.template.existing"
local references = require "watchbot.template.references"
local stable = require "watchbot.template.stable"

local function add(findings, note, where, format, ...)
  findings[#findings + 1] = { where = where, message = format:format(...), note = note }
end

-- A queue or a topic has one policy.
local function check_policies(template, findings)
  local owner = {}
  for _, id in ipairs(references.resources(template)) do
    local resource = template.Resources[id]
    local list = ({ ["AWS::SQS::QueuePolicy"] = "Queues",
      ["AWS::SNS::TopicPolicy"] = "Topics" })[resource.Type]
    for _, whose in ipairs(list and (resource.Properties or {})[list] or {}) do
      local key = type(whose) == "table" and whose.Ref
      if key and owner[key] then
        add(findings, nil, "Resources." .. id,
        "'%s' has the policy '%s' already, and one overwrites the other: add statements to that",
          key, owner[key])
      end
      if key then owner[key] = id end
    end
  end
end

-- The template does not know the policy of a key that another stack owns.
local function check_key(template, findings)
  for _, id in ipairs(references.resources(template)) do
    local resource = template.Resources[id]
    local key = resource.Type == "AWS::SNS::Topic" and (resource.Properties or {}).KmsMasterKeyId
    local own = type(key) == "table" and key["Fn::GetAtt"] ~= nil
    if key and not own then
      return add(findings, true, "Resources." .. id .. ".Properties.KmsMasterKeyId",
        "the key's policy has to let AWS's services use it, or what they send is dropped: %s",
          stable(access.of_key()))
    end
  end
end

-- Only a person who reads the template can decide this.
local function check_security(template, findings)
  for _, id in ipairs(references.resources(template)) do
    local resource = template.Resources[id]
    local properties = resource.Properties or {}
    local open = properties.AuthorizationType == "NONE" and not properties.ApiKeyRequired
    if resource.Type == "AWS::ApiGateway::Method" and open then
      add(findings, true, "Resources." .. id,
        "anybody who knows its address may call it: 'webhookKey' asks for a key; or let "
        .. "the job check a signature")
    end
  end
end

-- What exists already is not changed, and what has to be set on it is not known to be.
local function check_existing(template, findings)
  for _, id in ipairs(references.resources(template)) do
    local metadata = template.Resources[id].Metadata
    local notes = type(metadata) == "table" and metadata[existing.NOTES] or {}
    for _, note in ipairs(type(notes) == "table" and notes or {}) do
      add(findings, true, "what exists already", "%s", note)
    end
  end
end

-- Characters of all inline policies together, without blanks.
-- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
local most = { ["AWS::IAM::Role"] = 10240, ["AWS::IAM::User"] = 2048, ["AWS::IAM::Group"] = 5120 }

-- The length of an intrinsic's value is not known: it counts as zero.
local function size_of(value)
  if cf.is(value) then return 0 end
  if type(value) ~= "table" then return #stable(value) end
  local size = 1
  for name, member in pairs(value) do
    size = size + size_of(member) + (type(name) == "string" and #stable(name) + 1 or 0) + 1
  end
  return math.max(size, 2)
end

local function check_sizes(template, findings)
  for _, id in ipairs(references.resources(template)) do
    local resource = template.Resources[id]
    local quota, size = most[resource.Type], 0
    local policies = quota and (resource.Properties or {}).Policies
    for _, policy in ipairs(policies and not cf.is(policies) and policies or {}) do
      size = size + size_of(policy.PolicyDocument)
    end
    if quota and size > quota then
      add(findings, nil, "Resources." .. id .. ".Properties.Policies",
        "they have more than %d characters, IAM takes %d: use fewer statements with lists, or a "
        .. "managed policy (https://docs.aws.amazon.com/IAM/latest/UserGuide/"
        .. "reference_iam-quotas.html)", size, quota)
    end
  end
end

--- Adds to the findings.
---@param template table
---@param findings watchbot.template.Finding[]
return function(template, findings)
  check_policies(template, findings)
  check_sizes(template, findings)
  check_security(template, findings)
  check_key(template, findings)
  check_existing(template, findings)
end
