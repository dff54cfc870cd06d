"""The imitation of OpenRouter: what it refuses, who answers, and what an answer looks like on the wire."""
