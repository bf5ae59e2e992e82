"""What preferences and shortlists can hold: cycles, rankings, promoter scores, picked winners, proxies, rare harms."""
