--- otlp.sampler: which traces are recorded, by the samplers that OTEL_TRACES_SAMPLER names.
-- https://opentelemetry.io/docs/specs/otel/trace/sdk/#sampling

local sampler = {}

local function always() return true end

local function never() return false end

-- The lower half of a trace id is random: it is compared as Go's SDK does, so that all parts of a
-- trace decide alike.
local function by_ratio(ratio)
  if ratio >= 1 then return always end
  local bound = math.floor(ratio * 2 ^ 63)
  return function(trace_id)
    return (math.tointeger(tonumber("0x" .. trace_id:sub(17))) >> 1) < bound
  end
end

-- What the sender has decided counts; without a sender's decision, `root` decides.
local function by_parent(root)
  return function(trace_id, sampled)
    if sampled ~= nil then return sampled end
    return root(trace_id)
  end
end

local makers = {
  always_on = function() return always end,
  always_off = function() return never end,
  traceidratio = by_ratio,
  parentbased_always_on = function() return by_parent(always) end,
  parentbased_always_off = function() return by_parent(never) end,
  parentbased_traceidratio = function(ratio) return by_parent(by_ratio(ratio)) end,
}

sampler.DEFAULT = "parentbased_always_on"

--- Whether there is a sampler by this name.
---@param name string
---@return boolean
function sampler.is_known(name)
  return makers[name] ~= nil
end

--- Makes a sampler.
---@param name string a known one
---@param ratio number 0 to 1, which those by ratio take
---@return fun(trace_id: string, sampled: boolean?): boolean sample `sampled`: what the sender has
--- decided, if it has
function sampler.new(name, ratio)
  return makers[name](ratio)
end

return sampler
