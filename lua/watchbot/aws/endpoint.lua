--- endpoint: the host of a service, by region and partition, as data. A pure function.
-- Partitions are told by the form of the region's name, so a region that opens tomorrow works today.

local endpoint = {}

---@class watchbot.aws.Partition
---@field name string the second word of its ARNs
---@field regions string pattern of its regions' names
---@field suffix string domain of its endpoints
---@field dualstack string domain of those that speak IPv6 too
---@field fips table<string, "ipv4"|"any">? endpoint prefixes whose ordinary host is the FIPS one, if not the dual stack one

-- The last one takes whatever the others do not.
local PARTITIONS = {
  { name = "aws-cn", regions = "^cn%-", suffix = "amazonaws.com.cn", dualstack = "api.amazonwebservices.com.cn" },
  { name = "aws-us-gov", regions = "^us%-gov%-", suffix = "amazonaws.com", dualstack = "api.aws",
    fips = { sqs = "ipv4", sns = "ipv4", logs = "ipv4", sts = "ipv4", dynamodb = "ipv4", cloudformation = "ipv4",
      monitoring = "any" } },
  { name = "aws-eusc", regions = "^eusc%-", suffix = "amazonaws.eu", dualstack = "api.amazonwebservices.eu" },
  { name = "aws-iso", regions = "^us%-iso%-", suffix = "c2s.ic.gov", dualstack = "api.aws.ic.gov" },
  { name = "aws-iso-b", regions = "^us%-isob%-", suffix = "sc2s.sgov.gov", dualstack = "api.aws.scloud" },
  { name = "aws-iso-e", regions = "^eu%-isoe%-", suffix = "cloud.adc-e.uk", dualstack = "api.cloud-aws.adc-e.uk" },
  { name = "aws-iso-f", regions = "^us%-isof%-", suffix = "csp.hci.ic.gov", dualstack = "api.aws.hci.ic.gov" },
  { name = "aws", regions = "", suffix = "amazonaws.com", dualstack = "api.aws" },
}

-- Services whose hosts do not begin with their own name.
local PREFIXES = { cloudwatch = "monitoring" }

--- The partition that a region belongs to.
---@param region string
---@return watchbot.aws.Partition
function endpoint.partition(region)
  for _, partition in ipairs(PARTITIONS) do
    if region:find(partition.regions) then return partition end
  end
end

--- Whether the text can be the name of a region: one label of a host name, so that it cannot name another host.
---@param region string
---@return boolean
function endpoint.is_region(region)
  return #region <= 63 and region:find "^%l[%l%d%-]*[%l%d]$" ~= nil
end

--- The URL of a service in a region, such as "https://sqs.eu-west-1.amazonaws.com".
---@param service string "sqs", "sns", "ecs", "logs", "sts", "dynamodb", "cloudformation", "cloudwatch"
---@param region string
---@param variant { fips: boolean?, dualstack: boolean? }?
---@return string? url
---@return string? message
---@return string? code "BadRegion"
function endpoint.url(service, region, variant)
  if not endpoint.is_region(region) then
    return nil, ("the region '%s' is not a name such as 'eu-west-1'"):format(region), "BadRegion"
  end
  local fips, dualstack = variant and variant.fips, variant and variant.dualstack
  local partition, prefix = endpoint.partition(region), PREFIXES[service] or service
  local ordinary = partition.fips and partition.fips[prefix]
  if fips and ordinary ~= "any" and (dualstack or not ordinary) then prefix = prefix .. "-fips" end
  return ("https://%s.%s.%s"):format(prefix, region, dualstack and partition.dualstack or partition.suffix)
end

return endpoint
